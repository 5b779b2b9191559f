#!/usr/bin/env bash
# Brings the report to the pull request and the job. With the token; runs nothing of the repository.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

same_binary
enter
arguments=(publish "$BS_RUN_ID" "--workspace=$RUNS_IN" "--pipeline=${PIPELINE_FILE##*/}")
if [[ -n "$BS_COMMENT" ]]; then arguments+=("--comment=$BS_COMMENT"); fi
if [[ -n "$BS_LEG" ]]; then arguments+=("--leg=$BS_LEG"); fi
"$BS_BINARY" "${arguments[@]}" || warn "the report could not be published (exit code $?); the results are in the artifact"
