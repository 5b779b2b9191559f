#!/usr/bin/env bash
# plan, run or merge; the exit code is kept for the last step. For a run no token is in this step's environment; plan and merge,
# which run nothing of the repository, get one for the shared results.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

enter
arguments=()
# The lines of a text that hold something, each one argument.
each_line() {
    local line
    while IFS= read -r line || [[ -n "$line" ]]; do
        line="${line%"$carriage_return"}"
        if [[ -n "$line" ]]; then arguments+=("$2$line"); fi
    done <<<"$1"
}

plan="$(posix_path "$BS_PLAN_FOLDER")/plan.json"
# Only where one was named: `backsight` looks for its own default.
pipeline=()
if [[ -n "$BS_PIPELINE" || "$PIPELINE_FILE" == /* ]]; then pipeline=(-- "$PIPELINE_FILE"); fi
case "$BS_COMMAND" in
plan)
    mkdir -p "$(dirname "$plan")"
    arguments=(plan "--shards=$BS_SHARDS" "--output=$(native_path "$plan")" --format=github)
    if [[ "$BS_BASELINE" == none ]]; then arguments+=(--no-pull); fi
    ;;
merge)
    arguments=(merge "--plan=$(native_path "$plan")")
    if [[ -n "${pipeline[*]-}" ]]; then arguments+=("--pipeline=$PIPELINE_FILE"); fi
    if [[ "$BS_BASELINE" == none ]]; then arguments+=(--no-push); fi
    pipeline=(-- "$(native_path "$(posix_path "$BS_LEGS_FOLDER")")")
    ;;
run)
    arguments=(run)
    each_line "${BS_ONLY//[, ]/$line_feed}" --only=
    if [[ -n "$BS_AGAINST" ]]; then arguments+=("--against=$BS_AGAINST"); fi
    if [[ -n "$BS_SHARDS" ]]; then arguments+=("--shard=$BS_SHARDS" "--plan=$(native_path "$plan")"); fi
    case "$BS_BASELINE" in
    none) arguments+=(--share=none) ;;
    git) arguments+=("--share=${BS_SHARE:-read}") ;;
    *) ;;
    esac
    ;;
esac
each_line "$BS_ARGS" ""
arguments+=(${pipeline[@]+"${pipeline[@]}"})

# The id of the newest run: they are in the order of time. What is run could leave folders with any name.
newest() {
    [[ -d "$RUNS_IN/.backsight/runs" ]] || return 0
    find "$RUNS_IN/.backsight/runs" -mindepth 1 -maxdepth 1 -type d | sed 's|.*/||' |
        { grep -E '^[0-9a-f]+(-[0-9a-f]+){4}$' || true; } | LC_ALL=C sort | tail -n 1
}
before="$(newest)"
if [[ -n "$BS_TOKEN" ]]; then
    same_binary
    use_git_token
fi

# What the program writes for the job comes from `publish`; a test has no business in these files.
run_it() {
    env -u GITHUB_ENV -u GITHUB_OUTPUT -u GITHUB_PATH -u GITHUB_STATE -u GITHUB_STEP_SUMMARY "$BS_BINARY" "${arguments[@]}" &
    child=$!
}
# A job that is cancelled sends its signal to this shell alone.
trap 'kill -INT "${child:-}" 2>/dev/null || true' INT
trap 'kill -TERM "${child:-}" 2>/dev/null || true' TERM
out="$RUNNER_TEMP/backsight-said"
code=0
if [[ "$BS_COMMAND" == plan ]]; then run_it >"$out"; else run_it; fi
# A trapped signal ends `wait` with more than 128 while the program still runs.
while :; do
    code=0
    wait "$child" || code=$?
    if ((code <= 128)) || ! kill -0 "$child" 2>/dev/null; then break; fi
done

put exit-code "$code"
if [[ "$BS_COMMAND" == plan ]]; then
    if ((code == 0)); then
        matrix="$(cat "$out")"
        put matrix "$matrix"
        put shards "$(grep -o '"shard"' <<<"$matrix" | wc -l | tr -d ' ')"
        put plan "$(native_path "$plan")"
    fi
    exit 0
fi
run="$(newest)"
if [[ -n "$run" && "$run" != "$before" ]]; then
    folder="$(cd "$RUNS_IN/.backsight/runs/$run" && pwd)"
    put run-id "$run"
    put run "$(native_path "$folder")"
    for pair in results:results.json junit:junit.xml report:report.html; do
        if [[ -f "$folder/${pair#*:}" ]]; then put "${pair%%:*}" "$(native_path "$folder/${pair#*:}")"; fi
    done
    # A leg's report is that of the merged run.
    if [[ -z "$BS_SHARDS" && -f "$folder/results.json" ]]; then put publish true; fi
fi
