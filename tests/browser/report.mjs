// Looks at HTML reports in a real browser.
//
//     node report.mjs CHECK FILE.html
//
// CHECK is one of the functions at the end. Needs $BACKSIGHT_BROWSER_MODULES (a node_modules folder with what
// package.json names) and $BACKSIGHT_CHROMIUM (the browser). What was measured is printed as JSON.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = createRequire(`${resolve(process.env.BACKSIGHT_BROWSER_MODULES)}/`);
const { chromium } = modules("playwright-core");
const PATIENCE = 60_000;

/** Opens the file in a page of its own; whatever it says, asks for or wants to show is an error. */
const visit = async (browser, file, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const address = pathToFileURL(resolve(file)).href;
  const wrong = [];
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => { if (request.url().split("#")[0] !== address) wrong.push(`request: ${request.url()}`); });
  page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("popup", (popup) => wrong.push(`popup: ${popup.url()}`));
  await page.goto(address);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("html[data-ready]");
  const done = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return { page, done, wrong };
};

const names = (page) => page.locator("#table .opener").allInnerTexts();
const column = (page, nth) => page.locator(`#table tbody tr:not(.detail) > :nth-child(${nth})`).allInnerTexts();
const changes = async (page) => (await column(page, 5)).filter((text) => text !== "").map((text) => Number(text.replace("\u2212", "-").replace(" %", "")));
const sorted = (values, way) => values.every((value, nth) => nth === 0 || way * (value - values[nth - 1]) >= 0);

/** How many pixels of a canvas are painted, and how many in this colour. */
const painted = (canvas, colour) => canvas.evaluate((node, wanted) => {
  const copy = new OffscreenCanvas(node.width, node.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(node, 0, 0);
  const { data } = copy.getImageData(0, 0, node.width, node.height);
  let [any, exact] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 0) any += 1;
    if (data[at + 3] === 255 && wanted.every((part, nth) => Math.abs(part - data[at + nth]) < 3)) exact += 1;
  }
  return { any, exact };
}, colour);

const HEAD = { light: [0x0b, 0x57, 0xa8], dark: [0x86, 0xb8, 0xf7] };
const TEXT = { light: [0x1a, 0x1f, 0x26], dark: [0xe8, 0xeb, 0xef] };
const BASE = { light: [0xa3, 0x52, 0x00], dark: [0xf0, 0xa3, 0x5c] };

const filters = async (page) => {
  const all = await page.locator("#benchmarks [role=status]").innerText();
  assert.match(all, /^Rows 1 to 50 of 6[0-9]$/u);
  await page.getByLabel("Name").first().fill("group_2 SIZE=3");
  assert.deepEqual(new Set(await names(page)), new Set(["group_2/work size=3"]));
  await page.getByLabel("Name").first().fill("no such thing");
  assert.equal(await page.locator("#benchmarks [role=status]").innerText(), "No row is like that.");
  await page.getByLabel("Name").first().fill("");
  await page.locator("[data-chip=regressed]").click();
  assert.deepEqual(new Set(await column(page, 9)), new Set(["regressed", "regressed accepted"]));
  await page.locator("[data-chip=improved]").click();
  assert.equal(new Set(await column(page, 9)).has("improved"), true);
  await page.locator("[data-chip=regressed]").click();
  await page.locator("[data-chip=improved]").click();
  await page.getByLabel("Metrics").selectOption("all");
  const total = (text) => Number(text.split(" of ")[1].replace(",", ""));
  assert.ok(total(await page.locator("#benchmarks [role=status]").innerText()) > total(all));
  await page.getByLabel("Metrics").selectOption("main");
};

const orders = async (page) => {
  const head = page.locator("#table thead").getByRole("button", { name: "Change" });
  await head.click();
  assert.equal(await page.locator("#table th[aria-sort]").getAttribute("aria-sort"), "descending");
  assert.equal(sorted(await changes(page), -1), true);
  await head.click();
  assert.equal(sorted(await changes(page), 1), true);
  for (const name of ["Benchmark", "Metric", "Base", "Head", "Interval", "n", "Limit", "Verdict", "Validity"]) {
    await page.locator("#table thead").getByRole("button", { name, exact: true }).click();
    assert.equal(await page.locator("#table tbody tr").count(), 50, name);
  }
  assert.equal((await column(page, 10))[0], "noisy");
  await page.getByRole("button", { name: "Next" }).click();
  assert.match(await page.locator("#benchmarks [role=status]").innerText(), /^Rows 51 to/u);
  assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
  await page.getByRole("button", { name: "Previous" }).click();
};

const opens = async (page, theme) => {
  await page.getByLabel("Name").first().fill("parse/large");
  await page.locator(".opener").first().click();
  const detail = page.locator("tr.detail");
  await detail.locator("canvas").nth(3).waitFor();
  const titles = await detail.locator("figcaption b").allInnerTexts();
  assert.deepEqual(titles, ["Distribution", "In the order of time", "Change pair by pair", "History"]);
  for (const [nth, wanted] of [[0, [HEAD, BASE]], [1, [HEAD, BASE]], [2, [TEXT]], [3, [HEAD]]]) {
    for (const colour of wanted) {
      const found = await painted(detail.locator("canvas").nth(nth), colour[theme]);
      assert.ok(found.exact > 60, `${titles[nth]} (${theme}): ${JSON.stringify(found)}`);
    }
  }
  assert.match(await detail.innerText(), /60 fresh pairs, after 40 to screen/u);
  assert.match(await detail.locator("canvas").first().getAttribute("aria-label"), /base median 41\.\d ms, head median 4\d\.\d ms/u);
  return detail;
};

const reads = async (page) => {
  // The figures that the script makes are those of the server's side.
  const told = page.locator("#summary table tbody tr");
  for (let nth = 0; nth < (await told.count()); nth += 1) {
    const cells = await told.nth(nth).locator("th, td").allInnerTexts();
    await page.getByLabel("Name").first().fill(cells[0]);
    await page.getByLabel("Metrics").selectOption("all");
    const row = page.locator("#table tbody tr").filter({ hasText: cells[1] }).first();
    const same = await row.locator("th, td").allInnerTexts();
    const strip = (text) => text.replace(/^[▸▾]\s*/u, "").trim();
    assert.deepEqual(same.slice(0, 6).map(strip), cells.slice(0, 6).map(strip));
  }
  await page.getByLabel("Name").first().fill("");
  await page.getByLabel("Metrics").selectOption("main");
};

const tests = async (page) => {
  const section = page.locator("#tests");
  assert.match(await section.locator("[role=status]").innerText(), /^405 of 405 tests$/u);
  assert.equal(await section.getByText("test_emoji", { exact: false }).first().isVisible(), true, "what failed is open");
  await section.locator("[data-chip=flaky]").click();
  assert.match(await section.locator("[role=status]").innerText(), /^1 of 405 tests$/u);
  await section.locator("summary", { hasText: "test_waits" }).click();
  await section.locator(".say").first().waitFor();
  assert.match(await section.innerText(), /Attempt 1:\s+failed/u);
  await section.locator("[data-chip=flaky]").click();
  await section.getByLabel("Name").fill("emoji");
  await section.locator("summary", { hasText: "test_emoji" }).click();
  await section.locator(".say").first().waitFor();
  const said = await section.innerText();
  for (const words of ["tests/test_tokenizer.py:88", "AssertionError: 'a' != 'b'", "printed before it failed"]) assert.ok(said.includes(words), `${words}: ${said}`);
  await section.getByLabel("Name").fill("many");
  await section.locator("summary", { hasText: "tests/many" }).click();
  await section.locator(".case").first().waitFor();
  assert.equal(await section.locator(".case").count(), 200);
  await section.getByRole("button", { name: "more" }).click();
  assert.equal(await section.locator(".case").count(), 400);
};

const rest = async (page) => {
  assert.equal(await page.locator("#files pre .add").last().innerText(), "+new line\n");
  await page.locator("#steps tr", { hasText: "tests/unit" }).locator("summary").click();
  await page.locator("#steps pre").first().waitFor();
  assert.match(await page.locator("#steps pre").first().innerText(), /python3 -m pytest/u);
  assert.match(await page.locator("#host").innerText(), /Class key\s+0011223344556677/u);
};

/** Nothing stands out to the side. */
const fits = async (page) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `the page is ${over} px too wide`);
};

/** What axe finds fault with, by the rules of WCAG 2.2 A and AA. */
const accessible = async (page, when) => {
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await page.evaluate(readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
  const told = found.violations.flatMap((one) => one.nodes.map((node) => `${when}: ${one.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  assert.deepEqual(told, []);
  return found.passes.length;
};

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

const CHECKS = {
  /** Filters, order, pages, plots, tests, files, steps, in a usual window and a narrow one. */
  reader: async (browser, file) => {
    const { page, done } = await visit(browser, file);
    assert.match(await page.locator("h1").innerText(), /regression/u);
    await filters(page);
    await orders(page);
    await reads(page);
    const detail = await opens(page, "light");
    await fits(page);
    await page.setViewportSize({ width: 400, height: 800 });
    // A busy machine takes its time to draw anew.
    await detail.locator("canvas").first().evaluate(async (node) => {
      const until = Date.now() + 20_000;
      while (node.getBoundingClientRect().width >= 400 && Date.now() < until) await new Promise(requestAnimationFrame);
    });
    await fits(page);
    assert.ok((await detail.locator("canvas").first().boundingBox()).width < 400);
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.locator(".opener[aria-expanded=true]").click();
    assert.equal(await page.locator("tr.detail").count(), 0);
    await page.getByLabel("Name").first().fill("");
    await tests(page);
    await rest(page);
    await done();
  },

  /** Both themes, by the system's wish and by the switch; contrast and names by axe. */
  themes: async (browser, file) => {
    const { page, done } = await visit(browser, file, { colorScheme: "dark" });
    assert.equal(await background(page), "rgb(20, 23, 28)");
    const detail = await opens(page, "dark");
    let rules = await accessible(page, "dark");
    await page.locator("#theme").click();
    assert.equal(await background(page), "rgb(255, 255, 255)");
    assert.equal(await page.locator("#theme").innerText(), "Theme: light");
    assert.ok((await painted(detail.locator("canvas").nth(1), HEAD.light)).exact > 60, "plots follow the switch");
    rules += await accessible(page, "light");
    await page.locator("#theme").click();
    assert.equal(await background(page), "rgb(20, 23, 28)");
    await page.locator("#theme").click();
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await background(page), "rgb(255, 255, 255)");
    assert.ok(rules > 30, `axe looked at ${rules} rules only`);
    await done();
  },

  /** Everything by keyboard, and the focus can be seen. */
  keyboard: async (browser, file) => {
    const { page, done } = await visit(browser, file);
    const focused = () => page.evaluate(() => {
      const node = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(node);
      return { text: node.innerText || node.value || "", id: node.id, tag: node.tagName, seen: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 };
    });
    const until = async (what, is) => {
      for (let nth = 0; nth < 200; nth += 1) {
        await page.keyboard.press("Tab");
        const now = await focused();
        if (now.tag !== "BODY") assert.ok(now.seen, `the focus on ${JSON.stringify(now)} cannot be seen`);
        if (is(now)) return;
      }
      assert.fail(`${what} is not reached by Tab`);
    };
    await page.keyboard.press("Tab");
    assert.equal((await focused()).text, "Skip to the results");
    await page.keyboard.press("Enter");
    assert.equal((await focused()).id, "content");
    await until("the search", (now) => now.tag === "INPUT");
    await page.keyboard.type("parse");
    await until("a filter", (now) => now.text.startsWith("regressed"));
    await page.keyboard.press("Space");
    assert.equal(await page.locator("[data-chip=regressed]").getAttribute("aria-pressed"), "true");
    await until("the order", (now) => now.text === "Change");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#table th[aria-sort]").innerText(), "Change ▼".replace(" ▼", ""));
    await until("a row", (now) => now.text === "parse/large");
    await page.keyboard.press("Enter");
    await page.locator("tr.detail canvas").first().waitFor();
    assert.equal(await page.locator(".opener").first().getAttribute("aria-expanded"), "true");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("tr.detail").count(), 0);
    await until("a test", (now) => now.tag === "SUMMARY" && now.text.includes("test_emoji"));
    await page.keyboard.press("Enter");
    await page.locator("#tests .say").first().waitFor();
    await done();
  },

  /** Without a script, and on paper. */
  plain: async (browser, file) => {
    const { page, done } = await visit(browser, file, { javaScriptEnabled: false });
    const text = await page.locator("body").innerText();
    for (const words of ["regression", "parse/large", "+6.6 %", "test_emoji", "AssertionError", "Scripts are off"]) assert.ok(text.includes(words), `${words}: ${text}`);
    assert.equal(await page.locator("#benchmarks").isVisible(), false);
    assert.equal(await page.locator("#theme").isVisible(), false);
    await fits(page);
    await done();
    const printed = await visit(browser, file, { colorScheme: "dark" });
    await printed.page.emulateMedia({ media: "print" });
    assert.equal(await background(printed.page), "rgb(255, 255, 255)");
    assert.equal(await printed.page.locator(".controls").first().isVisible(), false);
    const pdf = await printed.page.pdf();
    assert.ok(pdf.length > 10_000);
    await printed.done();
  },

  /** Names and texts that want to do harm: opens and filters everything there is. */
  hostile: async (browser, file) => {
    const { page, done } = await visit(browser, file);
    for (let nth = 0; nth < 300; nth += 1) {
      const closed = page.locator(".opener[aria-expanded=false]:visible, details:not([open]) > summary:visible").first();
      if ((await closed.count()) === 0) break;
      await closed.click();
    }
    for (const chip of await page.locator("[data-chip]").all()) await chip.click();
    for (const option of await page.getByLabel("Metrics").first().locator("option").all()) await page.getByLabel("Metrics").first().selectOption({ index: await option.evaluate((node) => node.index) });
    for (const field of await page.locator("input[type=search]").all()) await field.fill("<img src=x>");
    await page.locator("#theme").click();
    const state = await page.evaluate(() => ({
      owned: globalThis.owned ?? null,
      foreign: document.querySelectorAll("img, iframe, object, embed, form, base, link, video, audio, math, marquee, main script, main style, main meta").length,
      listeners: [...document.querySelectorAll("*")].filter((node) => [...node.attributes].some((one) => /^on/iu.test(one.name))).length,
      links: [...document.querySelectorAll("a")].map((node) => node.getAttribute("href")).filter((href) => !/^(#|https?:\/\/)/u.test(href)),
      title: document.querySelector("h1").checkVisibility(),
    }));
    assert.deepEqual(state, { owned: null, foreign: 0, listeners: 0, links: [], title: true });
    await fits(page);
    await done();
  },

  /** How long a large report takes to open: from the start of the navigation until its tables can be used. */
  large: async (browser, file) => {
    const times = [];
    for (let nth = 0; nth < Number(process.env.BACKSIGHT_OPENS ?? 3); nth += 1) {
      const { page, done } = await visit(browser, file);
      times.push(Number(await page.evaluate(() => document.documentElement.dataset.ready)));
      if (nth === 0) {
        assert.match(await page.locator("#benchmarks [role=status]").innerText(), / of 5,000$/u);
        await page.getByLabel("Name").first().fill("group_49/work size=99");
        await page.locator(".opener").first().click();
        await page.locator("tr.detail canvas").nth(2).waitFor();
        assert.match(await page.locator("tr.detail figcaption").nth(1).innerText(), /200 pairs/u);
      }
      await done();
    }
    console.log(JSON.stringify({ opened_ms: times }));
  },
};

const [check, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.BACKSIGHT_CHROMIUM });
try {
  await CHECKS[check](browser, file);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await browser.close();
}
