// The least that a Node reader of Google Benchmark's JSON does: parse, then pick each name, time and unit.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = report.benchmarks.map((run) => ({
  name: run.name,
  value: run.real_time,
  unit: run.time_unit,
  extra: `iterations: ${run.iterations}`,
}));
console.log(found.length);
