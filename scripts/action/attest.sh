#!/usr/bin/env bash
# Asks GitHub whether the archive was built by the workflow of the repository that it is said to be of.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v gh >/dev/null || fail 4 "\`attest\` takes the program \`gh\`, which this runner lacks"
file="$(posix_path "$BS_FILE")"
gh attestation verify "$file" --repo "${BS_ACTION_REPOSITORY:-$GITHUB_REPOSITORY}" || {
    rm -f "$file"
    fail 4 "there is no valid attestation of $BS_ARCHIVE; it was removed and nothing of it was unpacked"
}
