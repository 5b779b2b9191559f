# What the scripts of the action share. Bash 3.2 is enough (macOS), and the bash of Git for Windows.
#
# Inputs come as environment variables and are only ever used as quoted words; nothing is evaluated.
# shellcheck shell=bash

set -euo pipefail

# What action.yml hands over is for these scripts: no program that they start sees it.
for name in $(compgen -e | grep '^BS_' || true); do
    # shellcheck disable=SC2163
    export -n "$name"
done

# Bash 3.2 does not read $'...' inside of a replacement.
line_feed=$'\n'
carriage_return=$'\r'

# A line feed in a message would begin another workflow command.
escaped() {
    local text="$1"
    text="${text//\%/%25}"
    text="${text//$carriage_return/%0D}"
    printf '%s' "${text//$line_feed/%0A}"
}

# The message, and the exit code that docs/exit-codes.md has for it.
fail() {
    printf '::error title=backsight::%s\n' "$(escaped "$2")" >&2
    exit "$1"
}

warn() {
    printf '::warning title=backsight::%s\n' "$(escaped "$1")" >&2
}

notice() {
    printf '::notice title=backsight::%s\n' "$(escaped "$1")" >&2
}

# An output of the step. The delimiter cannot be foreseen by whoever chose the value.
put() {
    local delimiter
    delimiter="end_$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
    printf '%s<<%s\n%s\n%s\n' "$1" "$delimiter" "$2" "$delimiter" >>"$GITHUB_OUTPUT"
}

# The SHA-256 of what comes in, in hexadecimal.
hash_in() {
    if command -v sha256sum >/dev/null; then
        sha256sum | cut -d ' ' -f 1
    elif command -v shasum >/dev/null; then
        shasum -a 256 | cut -d ' ' -f 1
    else
        fail 4 "neither sha256sum nor shasum is here, so nothing can be verified; install one of them"
    fi
}

# The SHA-256 of a file.
hash_of() {
    hash_in <"$1"
}

# Windows's paths as this bash writes them; others are left as they are.
posix_path() {
    if [[ "${RUNNER_OS:-}" == Windows ]] && command -v cygpath >/dev/null; then
        cygpath -u "$1"
    else
        printf '%s' "$1"
    fi
}

# A path as the programs of this system write it.
native_path() {
    if [[ "${RUNNER_OS:-}" == Windows ]] && command -v cygpath >/dev/null; then
        cygpath -w "$1"
    else
        printf '%s' "$1"
    fi
}

# Whether a folder of the tool cache holds a whole binary, and the one that was put there.
is_warm() {
    local folder="$1" program="$2"
    [[ -f "$folder.complete" && -f "$folder/$program" && -f "$folder/$program.sha256" ]] || return 1
    if [[ "$(hash_of "$folder/$program")" != "$(cat "$folder/$program.sha256")" ]]; then
        warn "the backsight in the tool cache is not the one that was put there; it is removed and installed again"
        rm -rf "$folder" "$folder.complete"
        return 1
    fi
}

# Before a binary gets a token it is hashed again: what was run in between may have replaced it.
same_binary() {
    [[ "$(hash_of "$BS_BINARY")" == "$BS_BINARY_SHA256" ]] ||
        fail 4 "the backsight at $BS_BINARY was changed since it was installed; it gets no token"
}

# Where the pipeline file stands. Runs are kept below that folder.
enter() {
    cd "$GITHUB_WORKSPACE"
    cd -- "${BS_WORKING_DIRECTORY:-.}" 2>/dev/null ||
        fail 2 "\`working-directory\` is \`${BS_WORKING_DIRECTORY:-}\`, which is no folder of this checkout"
    PIPELINE_FILE="${BS_PIPELINE:-backsight.yml}"
    RUNS_IN="."
    case "$PIPELINE_FILE" in
    */*) RUNS_IN="${PIPELINE_FILE%/*}" ;;
    esac
    case "$RUNS_IN" in
    "") RUNS_IN=/ ;;
    . | /*) ;;
    # So that no name is taken for an option.
    *) RUNS_IN="./$RUNS_IN" ;;
    esac
    # Below another folder only whole paths lead annotations to the file.
    if [[ "${BS_WORKING_DIRECTORY:-.}" != . && "$PIPELINE_FILE" != /* ]]; then
        PIPELINE_FILE="$PWD/$PIPELINE_FILE"
    fi
}

# Git's settings for what is started from here on: the token as a header for this server alone. Nothing is written to a file, and
# nothing is an argument, which every process could read. Where the checkout has left a header that one is used; two would be refused.
use_git_token() {
    local server="${GITHUB_SERVER_URL%/}/" count="${GIT_CONFIG_COUNT:-0}" basic
    if [[ -z "${BS_TOKEN:-}" ]] || git config --get-urlmatch http.extraheader "$server" >/dev/null 2>&1; then return 0; fi
    basic="$(printf 'x-access-token:%s' "$BS_TOKEN" | base64 | tr -d '\n\r')"
    printf '::add-mask::%s\n' "$basic"
    export "GIT_CONFIG_COUNT=$((count + 1))" "GIT_CONFIG_KEY_$count=http.$server.extraheader"
    export "GIT_CONFIG_VALUE_$count=AUTHORIZATION: basic $basic"
}
