#!/usr/bin/env bash
# The job ends as backsight did.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

printf '::remove-matcher owner=%s::\n' backsight backsight-warning
code="${BS_EXIT_CODE:-4}"
[[ "$code" == 0 ]] || printf 'backsight ended with exit code %s; docs/exit-codes.md has what that means\n' "$code"
exit "$code"
