#!/usr/bin/env bash
# Adds a run of the default branch to the shared results. With the token; runs nothing of the repository.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "$BS_EXIT_CODE" in
0 | 1 | 3) ;;
*) exit 0 ;;
esac
case "$GITHUB_EVENT_NAME" in
# Scheduled workflows are those of the default branch.
schedule) ;;
pull_request | pull_request_target | merge_group | workflow_run) exit 0 ;;
*) [[ -n "$BS_DEFAULT_BRANCH" && "$GITHUB_REF" == "refs/heads/$BS_DEFAULT_BRANCH" ]] || exit 0 ;;
esac
same_binary
enter
with_git_token "$BS_BINARY" baseline --workspace "$RUNS_IN" push "$BS_RUN_ID" ||
    warn "the run was not added to the shared results: give the job \`contents: write\`, or say \`baseline: none\`"
