// Tests as a tree by step and suite, generated files with their diffs, steps with the ends of their logs.

const OUTCOMES = ["failed", "errored", "timed out", "flaky", "cancelled", "skipped", "passed"];
const TONES = { failed: "bad", errored: "bad", "timed out": "bad", flaky: "warn", cancelled: "warn", passed: "good", stale: "bad", missing: "bad", edited: "bad", orphaned: "bad" };
/** So many cases are put into the page at once. */
const CASES = 200;

const sign = (word) => make("span", { class: `badge sign ${TONES[word] ?? ""}` }, word);
const took = (ns) => (ns ? make("span", { class: "quiet" }, ` ${time(ns)}`) : null);

/** Something that is put into the page when it is opened first. */
const folded = (summary, fill, open = false) => {
  const node = make("details", {}, make("summary", {}, ...summary));
  let filled = false;
  const once = () => {
    if (filled || !node.open) return;
    filled = true;
    fill(node);
  };
  node.addEventListener("toggle", once);
  if (open) {
    node.open = true;
    once();
  }
  return node;
};

const caseBody = (one, node) => {
  const say = make("div", { class: "say" });
  if (one.place) say.append(make("p", {}, make("code", {}, foreign(one.place))));
  if (one.quarantine) say.append(make("p", {}, foreign(one.quarantine)));
  for (const failure of one.failures ?? []) {
    if (failure.message) say.append(make("p", {}, foreign(failure.message)));
    if (failure.text) say.append(block(failure.text));
  }
  (one.attempts ?? []).forEach((attempt, nth) => {
    say.append(make("p", {}, `Attempt ${nth + 1}: `, sign(attempt.outcome), took(attempt.ns), attempt.message ? " " : null, attempt.message ? foreign(attempt.message) : null));
  });
  for (const [name, text] of [["Standard output", one.stdout], ["Standard error", one.stderr]]) {
    if (text) say.append(make("p", { class: "quiet" }, name), block(text));
  }
  for (const [key, value] of one.properties ?? []) say.append(make("p", { class: "quiet" }, foreign(key), ": ", foreign(value)));
  node.append(say);
};

const caseNode = (one) => {
  const words = [sign(one.outcome), " ", foreign(one.title), took(one.ns), one.since ? " " : null, one.since ? badge(one.since, one.since === "newly failing" ? "bad" : "warn") : null, one.quarantine ? " " : null, one.quarantine ? badge("quarantine", "warn") : null]
    .filter((part) => part !== null);
  const more = one.place || one.quarantine || one.failures || one.attempts || one.stdout || one.stderr || one.properties;
  return more ? folded(words, (node) => caseBody(one, node)) : make("div", { class: "case" }, ...words);
};

/** Puts the first items into a node, and a button for the next ones. */
const some = (node, items, of) => {
  let at = 0;
  const next = () => {
    node.append(...items.slice(at, at + CASES).map(of));
    at += CASES;
    if (at >= items.length) return;
    const button = make("button", { type: "button", onclick: () => { button.remove(); next(); } }, `${(items.length - at).toLocaleString("en")} more`);
    node.append(button);
  };
  next();
};

const grow = (cases, steps) => {
  const root = { name: "", parts: new Map(), cases: [], all: [] };
  for (const one of cases) {
    let node = root;
    for (const name of [steps[one.step], ...(one.suites ?? [])]) {
      if (!node.parts.has(name)) node.parts.set(name, { name, parts: new Map(), cases: [], all: [] });
      node = node.parts.get(name);
      node.all.push(one);
    }
    node.cases.push(one);
  }
  return root;
};

const weight = (one) => OUTCOMES.indexOf(one.outcome);

const branch = (node, open) => {
  const counts = tally(node.all, (one) => one.outcome, OUTCOMES);
  const worst = counts[0][0];
  const words = [sign(worst === "skipped" && counts.length > 1 ? "passed" : worst), " ", make("b", {}, foreign(node.name || "(no name)")), make("span", { class: "quiet" }, ` ${counts.map(([word, n]) => `${n.toLocaleString("en")} ${word}`).join(", ")}`)];
  // Only what is open from the start looks for failures below itself: the rest is opened by hand.
  const bad = open && counts.some(([word]) => TONES[word] === "bad");
  const few = open === "all";
  return folded(words, (inside) => {
    for (const part of node.parts.values()) inside.append(branch(part, open));
    const cases = [...node.cases].sort((a, b) => weight(a) - weight(b));
    some(inside, cases, caseNode);
  }, bad || few);
};

const buildTests = (section, page) => {
  const { cases, case_steps: steps } = page.data;
  for (const one of cases) one.search = [steps[one.step], ...(one.suites ?? []), one.title].join(" ").toLowerCase();
  const state = { matches: () => true, words: false, outcomes: new Set() };
  const tree = make("div", { class: "tree" });
  const told = make("p", { class: "quiet", role: "status" });
  const show = () => {
    const found = cases.filter((one) => (state.outcomes.size === 0 || state.outcomes.has(one.outcome)) && state.matches(one.search));
    const filtered = state.words || state.outcomes.size > 0;
    const open = filtered && found.length <= CASES ? "all" : true;
    tree.replaceChildren(...[...grow(found, steps).parts.values()].map((node) => branch(node, open)));
    told.textContent = `${found.length.toLocaleString("en")} of ${cases.length.toLocaleString("en")} tests`;
  };
  section.append(
    make("div", { class: "controls" },
      search("Name", (matches, words) => { Object.assign(state, { matches, words }); show(); }),
      chips("Outcomes", tally(cases, (one) => one.outcome, OUTCOMES), (outcomes) => { state.outcomes = outcomes; show(); })),
    told, tree);
  show();
};

/** A unified diff, its lines coloured; each line is text. */
const diff = (text) => {
  const node = make("pre", { dir: "auto", tabindex: "0" });
  for (const line of text.split("\n")) {
    const kind = line.startsWith("@@") ? "at" : line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : null;
    const part = make("span", { class: kind });
    part.textContent = `${line}\n`;
    node.append(part);
  }
  return node;
};

const buildFiles = (section, page) => {
  const files = [...page.data.files].sort((a, b) => (b.wrong ?? false) - (a.wrong ?? false));
  const list = make("div", { class: "tree" });
  some(list, files, (file) => {
    const words = [sign(file.state), " ", make("code", {}, foreign(file.output)), make("span", { class: "quiet" }, " from ", foreign(file.template))];
    if (!file.diff && !file.message) return make("div", { class: "case" }, ...words);
    return folded(words, (node) => {
      const say = make("div", { class: "say" });
      if (file.message) say.append(make("p", {}, foreign(file.message)));
      if (file.diff) say.append(diff(file.diff));
      node.append(say);
    }, Boolean(file.wrong) && files.length < 20);
  });
  section.append(list);
};

const buildSteps = (section, page) => {
  const body = make("tbody");
  const row = (step) => {
    const first = make("td", {}, make("code", {}, foreign(step.id)));
    if (step.command || step.log?.tail) {
      first.append(folded(["Command and log"], (node) => {
        if (step.command) node.append(block(step.command));
        if (step.attempts > 1) node.append(make("p", { class: "quiet" }, `${step.attempts} attempts`));
        if (step.log?.tail) node.append(make("p", { class: "quiet" }, "The end of ", foreign(step.log.path), `, ${bytes(step.log.bytes)} in all`), block(step.log.tail));
      }));
    }
    return make("tr", {}, first, make("td", {}, sign(step.status)), make("td", {}, foreign(step.result), step.exit ? make("span", { class: "quiet" }, ` (${step.exit})`) : null), make("td", { class: "n" }, step.ns ? time(step.ns) : ""));
  };
  some(body, page.data.steps, row);
  const heads = ["Step", "Status", "Result", "Time"].map((words, nth) => make("th", { scope: "col", class: nth === 3 ? "n" : null }, words));
  section.append(make("div", { class: "wide", role: "region", "aria-label": "Steps", tabindex: "0" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)));
};
