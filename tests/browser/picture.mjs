// Makes a picture of an HTML report, as docs/pictures/ has them.
//
//     node picture.mjs FILE.html OUT.png light|dark WIDTH HEIGHT [BENCHMARK]
//
// Shows the top of the page, or the table of benchmarks with the row of this name opened. Needs what report.mjs needs.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(`${resolve(process.env.BACKSIGHT_BROWSER_MODULES)}/`)("playwright-core");
const [file, out, colorScheme, width, height, benchmark] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: process.env.BACKSIGHT_CHROMIUM });
try {
  const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme });
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForSelector("html[data-ready]");
  if (benchmark !== undefined) {
    await page.locator(".opener", { hasText: benchmark }).first().click();
    await page.locator("tr.detail canvas").last().waitFor();
    await page.locator("#benchmarks").evaluate((node) => node.scrollIntoView({ behavior: "instant" }));
    await page.evaluate(() => document.activeElement.blur());
    // The plots are drawn when their places have got a width.
    await page.waitForTimeout(500);
  }
  await page.screenshot({ path: out });
} finally {
  await browser.close();
}
