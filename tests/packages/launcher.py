"""Uses the npm packages as they lie in a project: version, arguments, exit codes, signals, and what is said without a platform.

    launcher.py FOLDER VERSION
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

folder, version = pathlib.Path(sys.argv[1]), sys.argv[2]
program = folder / "node_modules/.bin/backsight"
# A test within a CI job must not look like the job's own run.
environment = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}


def run(*arguments, command=None, **more):
    command = command or [program]
    more = {"env": environment, "cwd": folder, "capture_output": True, "text": True, "check": False} | more
    return subprocess.run([*command, *arguments], **more)


def same(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} instead of {wanted!r}")


def until_there(path):
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    sys.exit(f"{path.name} did not appear")


same("the version", run("--version").stdout, f"backsight {version}\n")
same("npx", run("--version", command=["npx", "--no-install", "backsight"]).stdout, f"backsight {version}\n")
same("an exit code of the command line", run("no-such-command").returncode, 2)
(folder / "backsight.yml").write_text(
    "version: 1\nproject: npm\ntests:\n  - { name: bad, run: 'false' }\n  - { name: long, run: 'touch began; sleep 60' }\n"
)
same("an exit code of a run", run("run", "-k", "bad").returncode, 1)
piped = run("--version", command=["sh", "-c", 'printf x | "$0" "$@"; exit $?', str(program)])
same("behind a pipe", piped.stdout, f"backsight {version}\n")

# The binary ends its steps, writes its results and tells the signal by its exit code; the launcher passes both on.
for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
    (folder / "began").unlink(missing_ok=True)
    started = subprocess.Popen(
        [program, "run", "-k", "long"],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until_there(folder / "began")
    started.send_signal(number)
    output, _ = started.communicate(timeout=30)
    same(f"after {number.name}, of {output}", started.returncode, code)

# Killed from outside: the launcher ends by the same signal.
kill = folder / "kill"
kill.write_text("#!/bin/sh\nkill -KILL $$\n")
kill.chmod(0o755)
same("a killed binary", run(env=environment | {"BACKSIGHT_BINARY": str(kill)}).returncode, -signal.SIGKILL)

for package in (folder / "node_modules/@backsight").iterdir():
    shutil.rmtree(package)
missing = run("--version")
same("the exit code without a platform's package", missing.returncode, 4)
if "not installed" not in missing.stderr or "--omit=optional" not in missing.stderr:
    sys.exit(f"without a platform's package it says: {missing.stderr}")
print("   npm: version, npx, exit codes, TERM, INT, KILL, and a missing platform")
