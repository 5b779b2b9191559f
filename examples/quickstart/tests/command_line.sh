#!/bin/sh
# The command as a user sees it. Plain shell: its exit code is the result.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

printf 'the cat and the hat\n' >"$folder/text"
python3 tokenizer.py count "$folder/text" >"$folder/found"
printf '%8d %s\n' 2 the 1 and 1 cat 1 hat >"$folder/wanted"
diff -u "$folder/wanted" "$folder/found"

if python3 tokenizer.py nonsense 2>"$folder/said"; then
    echo "a wrong command line was accepted" >&2
    exit 1
fi
grep -q '^usage:' "$folder/said"
echo "the command line answers as it should"
