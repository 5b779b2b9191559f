#!/bin/sh
# Installs the nine tools on Debian or Ubuntu; what is there already is left alone.
set -eu
cd "$(dirname "$0")"
missing=""
needs() { # a package, and the command or file that shows that it is there
    case "$2" in # a folder `go` stands here too, which is not the command
    /*) [ -e "$2" ] ;;
    *) command -v "$2" >/dev/null 2>&1 ;;
    esac || missing="$missing $1"
}
needs hyperfine hyperfine
needs time /usr/bin/time
needs golang-go go
needs g++ g++
needs libbenchmark-dev /usr/include/benchmark/benchmark.h
needs catch2 /usr/include/catch2/catch.hpp
needs nodejs node
needs npm npm
needs sysbench sysbench
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -q
    # shellcheck disable=SC2086
    $as_root apt-get install -y -q --no-install-recommends $missing
fi
[ -x .venv/bin/pytest ] || { python3 -m venv .venv && .venv/bin/pip install -q pytest==8.4.2 pytest-benchmark==5.2.3; }
[ -d js/node_modules/tinybench ] || npm install --prefix js --no-audit --no-fund --silent
