#!/usr/bin/env node
// Starts the binary of this machine: the package of its platform has it, and npm installs only that one.
"use strict";

const { spawn } = require("node:child_process");
const { readFileSync } = require("node:fs");
const os = require("node:os");

const own = require("../package.json");

// Static binaries run on either C library; the package with glibc also loads ONNX Runtime and NVIDIA's library.
function kinds() {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") return [machine];
  const glibc = process.report.getReport().header.glibcVersionRuntime !== undefined;
  return glibc ? [`${machine}-gnu`, `${machine}-musl`] : [`${machine}-musl`];
}

function binary() {
  const file = process.platform === "win32" ? "backsight.exe" : "backsight";
  if (process.env.BACKSIGHT_BINARY) return process.env.BACKSIGHT_BINARY;
  const missing = [];
  for (const kind of kinds()) {
    const name = `@backsight/${kind}`;
    if (!(name in own.optionalDependencies)) continue;
    try {
      const found = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8"));
      if (found.version !== own.version) throw new Error(`it is version ${found.version}, not ${own.version}`);
      return require.resolve(`${name}/bin/${file}`);
    } catch (error) {
      missing.push(`${name}: ${error.code === "MODULE_NOT_FOUND" ? "not installed" : error.message}`);
    }
  }
  const why = missing.length
    ? `${missing.join("; ")}. Were optional dependencies left out (--omit=optional), or was node_modules copied from another machine?`
    : `there is no package for ${kinds()[0]}; packages are there for ${Object.keys(own.optionalDependencies).join(", ")}.`;
  console.error(`error: backsight's binary cannot be found: ${why} BACKSIGHT_BINARY names one to use instead.`);
  process.exit(4);
}

const child = spawn(binary(), process.argv.slice(2), { stdio: "inherit", windowsHide: true });
// A terminal sends Ctrl-C to the whole group: the binary has it already, and a second one would end it without its results.
const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => {
    if (!(terminal && (signal === "SIGINT" || signal === "SIGQUIT"))) child.kill(signal);
  });
}
child.on("error", (error) => {
  console.error(`error: backsight's binary does not start: ${error.message}`);
  process.exit(4);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // As a shell sees it: ended by the same signal.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.removeAllListeners(name);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + os.constants.signals[signal]), 1000);
});
