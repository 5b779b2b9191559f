// The least that a Node reader of Go's benchmark text does: one pattern a line, then each pair of value and unit.
import { readFileSync } from "node:fs";

const pattern = /^(Benchmark\S+?)(-\d+)?\s+(\d+)\s+(.+)$/;
const found = [];
for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  const match = pattern.exec(line);
  if (match === null) continue;
  const words = match[4].trim().split(/\s+/);
  for (let at = 0; at + 1 < words.length; at += 2) {
    found.push({ name: match[1], value: parseFloat(words[at]), unit: words[at + 1], extra: `${match[3]} times` });
  }
}
console.log(found.length);
