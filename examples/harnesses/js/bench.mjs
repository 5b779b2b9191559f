// tinybench calls a checksum of as many KiB as the file `size` says.
import { readFileSync } from "node:fs";
import { Bench } from "tinybench";

const data = new Uint8Array(Number(readFileSync(new URL("../size", import.meta.url), "utf8")) * 1024).fill(7);
const checksum = () => {
  let value = 0x811c9dc5;
  for (const byte of data) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
};
const bench = new Bench({ time: 200, warmupTime: 50 });
bench.add("checksum", checksum);
await bench.run();
console.log(JSON.stringify(bench.tasks.map(({ name, result }) => ({ name, result })), null, 2));
