// Plots on a canvas, by uPlot: distributions, pairs in the order of time, histories. They follow the theme and the width.

/** What is drawn now, so that a new theme draws it again. */
const drawn = new Set();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = "12px system-ui, sans-serif";

/** The ends of an axis: a little air around the values, and some height where all are equal. */
const roomy = (_, low, high) => {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const air = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.02 || 1;
  return [low - air, high + air];
};

const axis = (more) => ({
  size: 34,
  stroke: colour("quiet"),
  font: FONT,
  grid: { stroke: colour("line"), width: 1 },
  ticks: { stroke: colour("line"), width: 1, size: 4 },
  ...more,
});

const counted = (_, nth) => (nth === null ? "–" : String(nth));

/** Steps of an axis that counts things. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000];

const upright = (unit) => axis({ size: 78, values: labels(unit), space: 34 });

/** Draws behind the grid: `paint` gets the context and functions from values to places on the canvas. */
const behind = (paint) => (plot) => {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  paint(ctx, (x) => plot.valToPos(x, "x", true), (y) => plot.valToPos(y, "y", true), bbox);
  ctx.restore();
};

const upLine = (ctx, x, bbox, stroke, dash) => {
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
};

const acrossLine = (ctx, y, bbox, stroke, dash) => {
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
};

const dots = (label, stroke, value, scale = "y") => ({
  label,
  scale,
  stroke,
  value,
  paths: () => null,
  points: { show: true, size: 5, width: 1, stroke, fill: stroke },
});

/** A plot in a figure. `options` is a function, since colours are read when it is drawn. `told` says in words what it shows. */
const plot = (title, told, options, data) => {
  const place = make("div", { role: "group", "aria-label": `${title}. ${told}` });
  const figureNode = make("figure", {}, make("figcaption", {}, make("b", {}, title), " ", make("span", { class: "quiet" }, told)), place);
  let chart = null;
  const entry = {
    draw: () => {
      chart?.destroy();
      const width = Math.max(240, Math.floor(place.clientWidth));
      chart = new uPlot({ width, height: 220, ...options() }, data, place);
      chart.root.querySelector("canvas").setAttribute("role", "img");
      chart.root.querySelector("canvas").setAttribute("aria-label", `${title}. ${told}`);
    },
    close: () => {
      watch.disconnect();
      chart?.destroy();
      drawn.delete(entry);
    },
  };
  const watch = new ResizeObserver(() => {
    const width = Math.max(240, Math.floor(place.clientWidth));
    if (chart === null) entry.draw();
    else if (width !== chart.width) chart.setSize({ width, height: 220 });
  });
  watch.observe(place);
  drawn.add(entry);
  return { node: figureNode, close: entry.close };
};

/** Where a histogram ends: far outliers would leave one bin for all the rest. */
const reach = (values) => {
  const sorted = Float64Array.from(values).sort();
  const [low, high] = [quantile(sorted, 0.02), quantile(sorted, 0.98)];
  const width = high - low;
  return [Math.max(sorted[0], low - width), Math.min(sorted.at(-1), high + width)];
};

/** How often values fell where, for each arm. */
const distribution = (arms, unit) => {
  const all = arms.flatMap((arm) => arm.values);
  const [low, high] = reach(all);
  const beyond = all.filter((value) => value < low || value > high).length;
  const bins = high > low ? Math.min(48, Math.max(6, Math.ceil(2 * Math.cbrt(all.length)))) : 1;
  const width = high > low ? (high - low) / bins : Math.abs(low) * 0.01 || 1;
  const start = high > low ? low : low - width / 2;
  const edges = Array.from({ length: bins + 1 }, (_, nth) => start + nth * width);
  const shares = arms.map(({ values }) => {
    const found = new Array(bins + 1).fill(0);
    for (const value of values) {
      if (value >= low && value <= high) found[Math.min(bins - 1, Math.floor((value - start) / width))] += 1 / values.length;
    }
    return found;
  });
  const middles = arms.map(({ name, values }) => ({ name, at: median(values) }));
  const words = middles.map(({ name, at }) => `${name} median ${figure(at, unit)}`).join(", ");
  const rest = beyond > 0 ? `; ${beyond} far ${beyond === 1 ? "value is" : "values are"} not drawn` : "";
  const options = () => ({
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false, range: (_, from, to) => [from, to] }, y: { range: (_, __, most) => [0, most * 1.08] } },
    axes: [axis({ values: labels(unit), space: 70 }), axis({ size: 52, values: (_, splits) => splits.map((share) => `${Math.round(share * 100)} %`) })],
    series: [
      { label: unit === "" ? "value" : "from", value: (_, value) => figure(value, unit) },
      ...arms.map(({ name }) => ({
        label: name,
        stroke: colour(name),
        fill: `${colour(name)}33`,
        width: 2,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (_, share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`),
      })),
    ],
    hooks: {
      draw: [behind((ctx, x, _, bbox) => middles.forEach(({ name, at }) => upLine(ctx, x(at), bbox, colour(name), [4, 4])))],
    },
  });
  return plot("Distribution", `${words}${rest}`, options, [edges, ...shares]);
};

/** The values of both arms, one pair (or one execution) beside the other. */
const inOrder = (arms, unit) => {
  const most = Math.max(...arms.map((arm) => arm.values.length));
  const numbers = Array.from({ length: most }, (_, nth) => nth + 1);
  const columns = arms.map(({ values }) => numbers.map((_, nth) => values[nth] ?? null));
  const middles = arms.map(({ name, values }) => ({ name, at: median(values) }));
  const paired = arms.length > 1;
  const options = () => ({
    scales: { x: { time: false, range: [0, most + 1] }, y: { range: roomy } },
    axes: [axis({ space: 50, incrs: WHOLE }), upright(unit)],
    series: [
      { label: paired ? "pair" : "execution", value: counted },
      ...arms.map(({ name }) => dots(name, colour(name), (_, value) => figure(value, unit))),
    ],
    hooks: {
      drawClear: [behind((ctx, _, y, bbox) => middles.forEach(({ name, at }) => acrossLine(ctx, y(at), bbox, colour(name), [4, 4])))],
    },
  });
  const told = paired ? `${most} pairs, the first on the left; dashed: medians` : `${most} executions, the first on the left; dashed: the median`;
  return plot("In the order of time", told, options, [numbers, ...columns]);
};

/** What each pair says alone, with the estimate, its interval and the limit. */
const differences = (base, head, row) => {
  const n = Math.min(base.length, head.length);
  const positive = base.slice(0, n).every((value) => value > 0);
  if (!positive || n < 2) return null;
  const numbers = Array.from({ length: n }, (_, nth) => nth + 1);
  const shares = numbers.map((_, nth) => (head[nth] / base[nth] - 1) * 100);
  const { change: estimate, low, high, limit } = row.compared ?? {};
  const told = estimate === undefined ? "head against base" : `estimate ${change(estimate)}${low === undefined ? "" : `, interval ${interval(low, high)}`}; grey: within the limit`;
  const options = () => ({
    scales: { x: { time: false, range: [0, n + 1] }, y: { range: roomy } },
    axes: [axis({ space: 50, incrs: WHOLE }), axis({ size: 62, values: (_, splits) => splits.map((share) => `${share > 0 ? "+" : ""}${Number(share.toFixed(2))} %`) })],
    series: [{ label: "pair", value: counted }, dots("change", colour("text"), (_, share) => (share === null ? "–" : change(share / 100)))],
    hooks: {
      drawClear: [behind((ctx, _, y, bbox) => {
        const fill = (from, to, paint) => {
          ctx.fillStyle = paint;
          ctx.fillRect(bbox.left, y(to * 100), bbox.width, y(from * 100) - y(to * 100));
        };
        if (limit !== undefined) fill(-limit, limit, colour("limit"));
        if (low !== undefined && high !== undefined) fill(low, high, colour("band"));
        acrossLine(ctx, y(0), bbox, colour("edge"), []);
        if (estimate !== undefined) acrossLine(ctx, y(estimate * 100), bbox, colour("head"), [4, 4]);
      })],
    },
  });
  return plot("Change pair by pair", told, options, [numbers, shares]);
};

/** What was measured on the default branch before, with its change points. */
const past = (course, unit) => {
  const { points, changes } = course;
  const numbers = points.map((_, nth) => nth);
  const column = (at) => points.map((point) => point[at] ?? null);
  const tones = { worse: "bad", better: "good", accepted: "edge" };
  // Runs of few days are told apart by the time of day.
  const [start, end] = points.at(-1)[0] - points[0][0] < 4 * 86_400_000 ? [5, 16] : [0, 10];
  const day = (nth) => new Date(points[nth][0]).toISOString().slice(start, end).replace("T", " ");
  const told = `${points.length} runs${changes.length === 0 ? ", no change point" : `; ${changes.length} change ${changes.length === 1 ? "point" : "points"}`}`;
  const options = () => ({
    scales: { x: { time: false, range: [-0.5, points.length - 0.5] }, y: { range: roomy } },
    axes: [
      axis({ space: 110, incrs: WHOLE, values: (_, splits) => splits.map((nth) => (Number.isInteger(nth) && points[nth] ? day(nth) : "")) }),
      upright(unit),
    ],
    series: [
      { label: "run", value: (_, nth) => (nth === null ? "–" : `${day(nth)} ${points[nth][1]}`) },
      { label: "from", stroke: "transparent", points: { show: false }, value: (_, value) => figure(value, unit) },
      { label: "to", stroke: "transparent", points: { show: false }, value: (_, value) => figure(value, unit) },
      { label: "value", stroke: colour("head"), width: 1.5, points: { show: true, size: 4, fill: colour("head") }, value: (_, value) => figure(value, unit) },
    ],
    bands: [{ series: [2, 1], fill: colour("band") }],
    hooks: {
      draw: [behind((ctx, x, _, bbox) => changes.forEach((one) => upLine(ctx, x(one.at - 0.5), bbox, colour(tones[one.kind]), [5, 4])))],
    },
  });
  const made = plot("History", told, options, [numbers, column(3), column(4), column(2)]);
  made.node.classList.add("whole");
  if (changes.length > 0) {
    const list = make("ul", { class: "quiet" });
    for (const one of changes) list.append(make("li", {}, make("b", { class: tones[one.kind] }, one.kind), ": ", foreign(one.words)));
    made.node.append(list);
  }
  return made;
};

/** The latest values of the default branch, where there is no history with commits. */
const trend = (values, head, unit) => {
  const all = head === undefined ? values : [...values, head];
  const numbers = all.map((_, nth) => nth + 1 - all.length);
  const options = () => ({
    scales: { x: { time: false, range: [1 - all.length - 0.5, 0.5] }, y: { range: roomy } },
    axes: [axis({ space: 60, incrs: WHOLE, values: (_, splits) => splits.map((nth) => (nth === 0 ? "this run" : Number.isInteger(nth) ? String(nth) : "")) }), upright(unit)],
    series: [
      { label: "runs ago", value: (_, nth) => (nth === null ? "–" : String(-nth)) },
      { label: "value", stroke: colour("head"), width: 1.5, points: { show: true, size: 5, fill: colour("head") }, value: (_, value) => figure(value, unit) },
    ],
  });
  return plot("Before", `the latest ${values.length} runs of the default branch, and this run`, options, [numbers, all]);
};
