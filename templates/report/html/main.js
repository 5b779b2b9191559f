// Opens the data and builds the sections that need them.

const THEMES = [["", "as the system"], ["light", "light"], ["dark", "dark"]];

const themes = (button) => {
  let now = 0;
  button.addEventListener("click", () => {
    now = (now + 1) % THEMES.length;
    const [theme, words] = THEMES[now];
    if (theme === "") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${words}`;
    redraw();
  });
};

const redraw = () => { for (const one of [...drawn]) one.draw(); };

const open = async () => {
  themes(document.getElementById("theme"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  if (typeof DecompressionStream !== "function") {
    fail("This browser is too old to open the tables and plots; the summary above is whole.");
    return;
  }
  const page = await openData();
  for (const [id, build] of [["benchmarks", buildBenchmarks], ["tests", buildTests], ["files", buildFiles], ["steps", buildSteps]]) {
    const section = document.getElementById(id);
    if (section !== null) build(section, page);
  }
  for (const node of document.querySelectorAll(".scripted")) node.hidden = false;
  if (page.data.texts_left_out > 0) fail(`${page.data.texts_left_out} logs and traces found no room in this report; they are in results.json.`);
  // What a link from elsewhere points to was not there when the browser looked for it.
  if (location.hash !== "") document.getElementById(location.hash.slice(1))?.scrollIntoView();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
};

open().catch(damaged);
