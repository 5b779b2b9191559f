// Numbers as people read them: the same rules as in `src/report/figures.rs`.

const MINUS = "\u2212";

const digits = (value) => {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return value.toExponential(2).replace("e+", "e");
};

const time = (ns) => {
  const size = Math.abs(ns);
  if (size >= 60e9) {
    const all = Math.round(ns / 1e9);
    const [hours, minutes] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60)];
    const pad = (n) => String(n).padStart(2, "0");
    return hours > 0 ? `${hours} h ${pad(minutes)} m` : `${minutes} m ${pad(all % 60)} s`;
  }
  if (size >= 1e9) return `${digits(ns / 1e9)} s`;
  if (size >= 1e6) return `${digits(ns / 1e6)} ms`;
  if (size >= 1e3) return `${digits(ns / 1e3)} µs`;
  return `${digits(ns)} ns`;
};

const bytes = (value) => {
  let size = value;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (Math.abs(size) < 1024) return `${unit === "B" ? size : digits(size)} ${unit}`;
    size /= 1024;
  }
  return `${digits(size)} TiB`;
};

const count = (value) => {
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)} G`;
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e5) return `${digits(value / 1e3)} k`;
  return Number.isInteger(value) ? String(value) : digits(value);
};

/** A value in its unit: `41.2 ms`. */
const figure = (value, unit) => {
  if (value === null || value === undefined) return "–";
  if (unit === "ns") return time(value);
  if (unit === "bytes") return bytes(value);
  if (unit === "bytes/s") return `${bytes(value)}/s`;
  return unit === "" || unit === "count" ? count(value) : `${count(value)} ${unit}`;
};

const short = (value) => (value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));

/** A relative change with its sign: `+6.6 %`. */
const change = (share) => `${share >= 0 ? "+" : MINUS}${short(Math.abs(share * 100))} %`;

const interval = (low, high) => `${change(low).replace(/ %$/u, "")} … ${change(high)}`;

const percent = (share) => `${Number((share * 100).toPrecision(3))} %`;

/** A map, since a unit may be any text, `constructor` too. */
const SCALES = new Map([
  ["ns", [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]]],
  ["bytes", [[1024 ** 3, "GiB"], [1024 ** 2, "MiB"], [1024, "KiB"], [1, "B"]]],
]);
const USUAL = [[1e9, "G"], [1e6, "M"], [1e4, "k"], [1, ""]];

/** The labels of an axis: one unit and as many decimals for all as tell neighbours apart. */
const labels = (unit) => (_, splits) => {
  const largest = splits.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  const scales = SCALES.get(unit) ?? USUAL;
  const scale = scales.find(([size]) => largest >= size) ?? scales.at(-1);
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / scale[0] : 1;
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return splits.map((value) => `${(value / scale[0]).toFixed(decimals)}${scale[1] === "" ? "" : ` ${scale[1]}`}`);
};

const median = (values) => {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** The value below which this share of the sorted values lies. */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))];
