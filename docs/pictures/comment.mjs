// Draws a comment as GitHub shows it, light and dark: Markdown by `marked`, style by `github-markdown-css`, in Chromium by
// `playwright-core` (all npm; run it in a folder that has them).
//
//     node comment.mjs COMMENT.md OUT-light.png OUT-dark.png
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { marked } = await import(pathToFileURL(require.resolve("marked")));
const { chromium } = require("playwright-core");
const [, , from, light, dark] = process.argv;
const css = readFileSync(require.resolve("github-markdown-css/github-markdown.css"), "utf8");
const body = marked.parse(readFileSync(from, "utf8"), { gfm: true });
const page_of = `<!doctype html><meta charset="utf-8"><style>${css}
body { margin: 0; padding: 16px; } .box { border: 1px solid #8886; border-radius: 6px; padding: 16px; }
</style><body class="markdown-body"><div class="box">${body}</div></body>`;
const browser = await chromium.launch({ executablePath: process.env.BACKSIGHT_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [colorScheme, out] of [["light", light], ["dark", dark]]) {
  const page = await browser.newPage({ viewport: { width: 920, height: 600 }, colorScheme, deviceScaleFactor: 1 });
  await page.setContent(page_of);
  await page.screenshot({ path: out, fullPage: true });
  await page.close();
}
await browser.close();
