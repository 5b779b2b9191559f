// The table of benchmarks: filters, order, pages, and what a row opens to.

const VERDICTS = ["regressed", "missing", "no baseline", "undecided", "improved", "new", "unchanged", "measured"];
const ROWS = 50;
const toneOf = (row) => {
  if (row.compared?.accepted) return "";
  return { regressed: "bad", missing: "bad", improved: "good", undecided: "warn" }[row.verdict] ?? "";
};

/** What a row rests on: fresh pairs where there were any, otherwise its smaller side. */
const size = (row) => {
  const { pairs, n } = row.compared ?? {};
  if (pairs && pairs[1] > 0) return pairs[1];
  if (n) return Math.min(...n.filter((one) => one > 0), Infinity) === Infinity ? 0 : Math.min(...n.filter((one) => one > 0));
  return row.arms[1].summary?.n ?? 0;
};

const doubtRank = (row) => (row.doubt === undefined ? 0 : row.doubt[0] === "noisy" ? 1 : 2);

/** Name, class, what it is sorted by, and which way first. */
const COLUMNS = [
  { name: "Benchmark", by: (row) => row.search, first: 1 },
  { name: "Metric", by: (row) => row.metric, first: 1 },
  { name: "Base", number: true, by: (row) => row.base, first: -1 },
  { name: "Head", number: true, by: (row) => row.head, first: -1 },
  { name: "Change", number: true, by: (row) => row.compared?.change, first: -1 },
  { name: "Interval", number: true, by: (row) => (row.compared?.low === undefined ? undefined : row.compared.high - row.compared.low), first: -1 },
  { name: "n", number: true, by: size, first: -1 },
  { name: "Limit", number: true, by: (row) => row.compared?.limit, first: -1 },
  { name: "Verdict", by: (row) => VERDICTS.indexOf(row.verdict), first: 1 },
  { name: "Validity", by: doubtRank, first: -1 },
];

/** A picture of an interval between minus and plus `most`, with the limit behind it. */
const whisker = (row, most) => {
  const { change: estimate, low, high, limit } = row.compared;
  const x = (share) => (60 + (Math.max(-most, Math.min(most, share)) / most) * 56).toFixed(1);
  const band = { x: x(-limit), y: 1, width: (x(limit) - x(-limit)).toFixed(1), height: 14, class: "limit" };
  return drawing("svg", { class: `whisker ${toneOf(row)}`, width: 120, height: 16, viewBox: "0 0 120 16", "aria-hidden": "true" },
    drawing("rect", band),
    drawing("line", { x1: 60, x2: 60, y1: 0, y2: 16, class: "zero" }),
    drawing("line", { x1: x(low), x2: x(high), y1: 8, y2: 8, class: "span" }),
    drawing("circle", { cx: x(estimate), cy: 8, r: 3, class: "dot" }));
};

/** Shares of this size fill a whisker: all intervals fit, but for those far beyond the usual ones, which end at its edge. */
const widest = (rows) => {
  const ends = rows.filter((row) => row.compared?.low !== undefined && row.compared?.high !== undefined)
    .map(({ compared }) => Math.max(Math.abs(compared.low), Math.abs(compared.high), compared.limit));
  const sorted = Float64Array.from(ends).sort();
  return Math.max(0.02, Math.min(sorted.at(-1) ?? 0, 6 * (quantile(sorted, 0.9) ?? 0)) * 1.05);
};

const factsOf = (row) => {
  const { compared } = row;
  const facts = [];
  const add = (words, text) => { if (text !== undefined && text !== null && text !== "") facts.push([words, text]); };
  if (compared) {
    const [screening, confirmation] = compared.pairs ?? [0, 0];
    const percentOf = compared.confidence === undefined ? "" : ` (${percent(compared.confidence)})`;
    add(`Change${percentOf}`, compared.change === undefined ? null : `${change(compared.change)}${compared.low === undefined ? "" : `, ${interval(compared.low, compared.high)}`}`);
    add("Rests on", compared.pairs ? (confirmation > 0 ? `${confirmation} fresh pairs, after ${screening} to screen` : `${screening} pairs`) : `n = ${compared.n[0]} and ${compared.n[1]}`);
    add("p-value", compared.p === undefined ? null : compared.p < 0.0001 ? compared.p.toExponential(1) : String(Number(compared.p.toPrecision(2))));
    add("Smallest change it would find", compared.detectable === undefined ? null : percent(compared.detectable));
    add("Method", compared.method);
  }
  add("Better", row.higher ? "more" : "less");
  add("Executions", row.executions);
  add("Validity", row.doubt ? `${row.doubt[0]}: ${row.doubt[1]}` : "nothing speaks against it");
  const list = make("dl", { class: "facts" });
  for (const [words, text] of facts) list.append(make("div", {}, make("dt", {}, words), make("dd", {}, foreign(text))));
  return list;
};

const summaries = (row) => {
  const body = make("tbody");
  ["base", "head"].forEach((name, nth) => {
    const told = row.arms[nth].summary;
    if (!told) return;
    const value = (number) => make("td", { class: "n" }, foreign(figure(number, row.unit)));
    const range = told.interval ? `${figure(told.interval[0], row.unit)} … ${figure(told.interval[1], row.unit)}` : "–";
    body.append(make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "n" }, String(told.n)), value(told.median), make("td", { class: "n" }, foreign(range)), value(told.spread), value(told.min), value(told.max)));
  });
  if (body.childElementCount === 0) return null;
  const heads = ["Arm", "n", "Median", "Its interval", "Spread", "Least", "Most"];
  const head = make("tr", {}, ...heads.map((words, nth) => make("th", { scope: "col", class: nth > 0 ? "n" : null }, words)));
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Samples in figures" }, make("table", {}, make("thead", {}, head), body));
};

/** The plots of a row; `read` gives its samples. */
const plotsOf = (row, page, read) => {
  const arms = ["base", "head"].flatMap((name, nth) => (row.arms[nth].samples ? [{ name, values: read(row.arms[nth].samples) }] : []));
  const made = [];
  if (arms.some((arm) => arm.values.length > 1)) {
    made.push(distribution(arms, row.unit), inOrder(arms, row.unit));
    if (arms.length === 2) made.push(differences(arms[0].values, arms[1].values, row));
  }
  if (row.history !== undefined) made.push(past(page.data.courses[row.history], row.unit));
  else if ((row.trend ?? []).length > 1) made.push(trend(row.trend, row.head, row.unit));
  return made.filter((one) => one !== null);
};

/** What a row opens to, and what closes its plots, which come when the samples are there. */
const opened = (row, page) => {
  const node = make("div", { class: "inside" }, factsOf(row));
  for (const note of row.notes ?? []) node.append(make("p", {}, foreign(note)));
  const table = summaries(row);
  if (table) node.append(table);
  if (row.cut) node.append(make("p", { class: "quiet" }, "This report has no room for its samples; they are in results.json."));
  let [plots, closed] = [[], false];
  const draw = (read) => {
    if (closed) return;
    plots = plotsOf(row, page, read);
    if (plots.length > 0) node.append(make("div", { class: "plots" }, ...plots.map((one) => one.node)));
    else if (!row.cut) node.append(make("p", { class: "quiet" }, "There are no samples of it to draw."));
  };
  if (row.arms.some((arm) => arm.samples)) page.samples().then(draw).catch(damaged);
  else draw(null);
  return { node, close: () => { closed = true; plots.forEach((one) => one.close()); } };
};

const buildBenchmarks = (section, page) => {
  const { rows } = page.data;
  const most = widest(rows);
  rows.forEach((row, nth) => {
    row.nth = nth;
    row.search = row.benchmark.toLowerCase();
  });
  const state = { matches: () => true, verdicts: new Set(), metric: "main", column: null, way: 1, first: 0, open: new Map() };
  const body = make("tbody");
  const told = make("p", { class: "quiet", role: "status" });
  const [back, on] = [-1, 1].map((way) => make("button", { type: "button", onclick: () => { state.first += way * ROWS; show(); } }, way < 0 ? "Previous" : "Next"));
  const close = () => { for (const one of state.open.values()) one.close(); state.open.clear(); };

  const row = (one) => {
    const { compared } = one;
    const line = make("tr", { "data-nth": one.nth });
    const button = make("button", { type: "button", class: "opener", "aria-expanded": "false", onclick: () => toggle(one, line, button) }, foreign(one.benchmark));
    const number = (text) => make("td", { class: "n" }, foreign(text));
    line.append(
      make("th", { scope: "row" }, button), make("td", {}, foreign(one.metric)),
      number(figure(one.base, one.unit)), number(figure(one.head, one.unit)),
      make("td", { class: "n" }, make(toneOf(one) === "" ? "span" : "b", { class: toneOf(one) }, compared?.change === undefined ? "" : change(compared.change))),
      make("td", { class: "n" }, ...(compared?.low === undefined || compared?.high === undefined || compared?.change === undefined ? [] : [interval(compared.low, compared.high), " ", whisker(one, most)])),
      number(String(size(one))), number(compared ? percent(compared.limit) : ""),
      make("td", {}, badge(one.verdict, toneOf(one)), compared?.accepted ? " accepted" : null),
      make("td", { title: one.doubt?.[1] }, one.doubt ? badge(one.doubt[0], one.doubt[0] === "noisy" ? "warn" : "bad") : make("span", { class: "quiet" }, "valid")),
    );
    return line;
  };

  const toggle = (one, line, button) => {
    const was = state.open.get(one.nth);
    button.setAttribute("aria-expanded", String(was === undefined));
    line.classList.toggle("open", was === undefined);
    if (was !== undefined) {
      was.close();
      state.open.delete(one.nth);
      line.nextElementSibling.remove();
      button.removeAttribute("aria-controls");
      return;
    }
    const made = opened(one, page);
    state.open.set(one.nth, made);
    const id = `row-${one.nth}`;
    line.after(make("tr", { class: "detail", id }, make("td", { colspan: COLUMNS.length }, made.node)));
    button.setAttribute("aria-controls", id);
  };

  const shown = () => {
    const wanted = (one) => (state.metric === "all" || (state.metric === "main" ? one.main : `=${one.metric}` === state.metric))
      && (state.verdicts.size === 0 || state.verdicts.has(one.verdict)) && state.matches(one.search);
    const found = rows.filter(wanted);
    const by = state.column?.by ?? ((one) => VERDICTS.indexOf(one.verdict));
    const compare = (a, b) => {
      const [left, right] = [by(a), by(b)];
      // What has no such figure comes last, whichever way.
      if (left === undefined || right === undefined) return (left === undefined) - (right === undefined) || a.nth - b.nth;
      const order = typeof left === "string" ? (left < right ? -1 : left > right ? 1 : 0) : left - right;
      return order * state.way || a.nth - b.nth;
    };
    return found.sort(compare);
  };

  const show = () => {
    close();
    const found = shown();
    state.first = Math.max(0, Math.min(state.first, Math.floor((found.length - 1) / ROWS) * ROWS));
    const last = Math.min(found.length, state.first + ROWS);
    body.replaceChildren(...found.slice(state.first, last).map(row));
    const all = found.length.toLocaleString("en");
    told.textContent = found.length === 0 ? "No row is like that." : `Rows ${(state.first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${all}`;
    back.disabled = state.first === 0;
    on.disabled = last === found.length;
  };
  const afresh = (set) => (...given) => { set(...given); state.first = 0; show(); };

  const heads = COLUMNS.map((column) => {
    const head = make("th", { scope: "col", class: column.number ? "n" : null }, make("button", { type: "button", onclick: afresh(() => {
      state.way = state.column === column ? -state.way : column.first;
      state.column = column;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", state.way > 0 ? "ascending" : "descending");
    }) }, column.name));
    return head;
  });
  const metrics = [...new Set(rows.map((one) => one.metric))];
  const choice = make("select", { onchange: afresh(() => { state.metric = choice.value; }) });
  for (const [value, words] of [["main", "that decide"], ["all", "all"], ...metrics.map((metric) => [`=${metric}`, metric])]) {
    const option = make("option", { value });
    option.textContent = words;
    choice.append(option);
  }
  section.append(
    make("div", { class: "controls" },
      search("Name", afresh((matches) => { state.matches = matches; })),
      make("label", {}, "Metrics", choice),
      chips("Verdicts", tally(rows.filter((one) => one.main), (one) => one.verdict, VERDICTS), afresh((verdicts) => { state.verdicts = verdicts; }))),
    make("div", { class: "wide", role: "region", "aria-label": "Benchmarks", tabindex: "0" }, make("table", { id: "table" }, make("thead", {}, make("tr", {}, ...heads)), body)),
    make("div", { class: "pager" }, back, on, told));
  show();
};
