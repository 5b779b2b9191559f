#!/usr/bin/env bash
# Checks the inputs and decides where backsight comes from; nothing is fetched yet.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

one_of() {
    local name="$1" value="$2" allowed all=""
    shift 2
    for allowed in "$@"; do
        [[ "$value" == "$allowed" ]] && return 0
        if [[ -n "$allowed" ]]; then all="$all, \`$allowed\`"; fi
    done
    fail 2 "\`$name\` is \`$value\`; it may be ${all#, }"
}

one_of command "$BS_COMMAND" run plan merge install
one_of comment "$BS_COMMENT" "" always on-change never
one_of baseline "$BS_BASELINE" git file none
one_of cache "$BS_CACHE" true false
one_of attest "$BS_ATTEST" true false
[[ "$BS_ARTIFACT" =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] ||
    fail 2 "\`artifact\` is \`$BS_ARTIFACT\`; it begins the names of artifacts and may hold letters, digits, \`.\`, \`_\` and \`-\`"
case "$BS_COMMAND" in
plan) [[ "$BS_SHARDS" =~ ^(auto|[1-9][0-9]*)$ ]] || fail 2 "\`shards\` is \`$BS_SHARDS\`; for \`plan\` it is a number or \`auto\`" ;;
run) [[ "$BS_SHARDS" =~ ^([1-9][0-9]*/[1-9][0-9]*)?$ ]] ||
    fail 2 "\`shards\` is \`$BS_SHARDS\`; for \`run\` it is which of how many, such as \`1/4\`: the \`shard\` of the plan's matrix" ;;
*) [[ -z "$BS_SHARDS" ]] || fail 2 "\`shards\` is for \`plan\` and \`run\` only" ;;
esac

if [[ "$BS_COMMAND" != install ]]; then (enter); fi

# The names of what is left for other jobs.
artifact="$BS_ARTIFACT"
if [[ "$BS_SHARDS" == */* ]]; then artifact="$artifact-leg-${BS_SHARDS%%/*}"; fi
if [[ -n "$BS_LEG" ]]; then artifact="$artifact-$(printf '%s' "$BS_LEG" | tr -c 'A-Za-z0-9._-' '-')"; fi
put artifact "$artifact"
put plan-folder "$RUNNER_TEMP/backsight-plan"
put legs-folder "$RUNNER_TEMP/backsight-legs"

action="$(posix_path "$BS_ACTION")"
own="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$action/Cargo.toml" | head -n 1)"
version="${BS_VERSION:-$own}"
version="${version#v}"
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] ||
    fail 2 "\`version\` is \`$BS_VERSION\`, which is no version; leave it out, or name one such as \`$own\`"

# The oldest glibc that the dynamic program runs on; it can load ONNX Runtime and NVIDIA's library, a static one cannot.
has_new_glibc() {
    local text
    text="$(getconf GNU_LIBC_VERSION 2>/dev/null)" || return 1
    [[ "$text" =~ ([0-9]+)\.([0-9]+) ]] || return 1
    ((BASH_REMATCH[1] > 2 || (BASH_REMATCH[1] == 2 && BASH_REMATCH[2] >= 35)))
}

case "${RUNNER_ARCH:-}" in
X64) arch=x86_64 ;;
ARM64) arch=aarch64 ;;
*) arch="" ;;
esac
program=backsight ending=tar.gz target=""
case "${RUNNER_OS:-}:$arch" in
*:) ;;
Linux:*) if has_new_glibc; then target="$arch-unknown-linux-gnu"; else target="$arch-unknown-linux-musl"; fi ;;
macOS:*) target="$arch-apple-darwin" ;;
Windows:*) target="$arch-pc-windows-msvc" program=backsight.exe ending=zip ;;
esac
[[ -n "$target" ]] || fail 4 "there is no backsight for a runner with ${RUNNER_OS:-no system} on ${RUNNER_ARCH:-no processor}"

archive="backsight-$version-$target.$ending"
expected="$(awk -v name="$archive" '$1 ~ /^[0-9a-f]+$/ && $2 == name { print $1 }' "$action/scripts/action/checksums.txt")"
cache="$(posix_path "${RUNNER_TOOL_CACHE:-$RUNNER_TEMP/tool-cache}")/backsight"

if [[ "$expected" =~ ^[0-9a-f]{64}$ ]]; then
    how=download folder="$cache/$version/$target"
    if is_warm "$folder" "$program" && [[ "$BS_ATTEST" == false || -f "$folder/attested" ]]; then how=warm; fi
elif [[ "$version" == "$own" ]]; then
    # The source that stands beside this file is that version; its hash tells one state of it from another.
    source_hash="$(cd "$action" && find Cargo.toml Cargo.lock src schemas templates -type f | LC_ALL=C sort | tr '\n' '\0' |
        xargs -0 cat | hash_in)"
    how=source folder="$cache/$version-source-${source_hash:0:16}/$target"
    if is_warm "$folder" "$program"; then how=warm; fi
    lock="$(hash_of "$action/Cargo.lock")"
    put build-folder "$(native_path "$RUNNER_TEMP/backsight-build")"
    # Nearly all of it are dependencies, so one is kept for each state of the lock file.
    put build-key "backsight-build-$target-${lock:0:32}"
    put source-key "backsight-source-$target-${source_hash:0:32}"
else
    fail 2 "this action knows no checksum of $archive, and the source beside it is $own: leave \`version\` out, or use the action of that version"
fi

put how "$how"
put version "$version"
put archive "$archive"
put expected "$expected"
put folder "$(native_path "$folder")"
put marker "$(native_path "$folder.complete")"
put program "$program"
put target "$target"
put file "$(native_path "$RUNNER_TEMP/$archive")"

printf '::add-matcher::%s\n' "$(native_path "$action/scripts/action/matchers.json")"
printf 'backsight %s for %s: %s\n' "$version" "$target" "$how"
