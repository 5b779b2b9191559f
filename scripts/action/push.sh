#!/usr/bin/env bash
# Adds a run to the shared results, if the pipeline file's rule wants it: usually one of the default branch. With the token; it
# runs nothing of the repository.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "$BS_EXIT_CODE" in
0 | 1 | 3) ;;
*) exit 0 ;;
esac
same_binary
enter
use_git_token
"$BS_BINARY" baseline --workspace "$RUNS_IN" push "$BS_RUN_ID" --by-rule ||
    warn "the run was not added to the shared results: give the job \`contents: write\`, or say \`baseline: none\`"
