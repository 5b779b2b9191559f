#!/usr/bin/env bash
# Fetches an archive and holds it against the checksum of this repository before anything else is done with it.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

url="${BS_DOWNLOAD_URL:-${GITHUB_SERVER_URL%/}/${BS_ACTION_REPOSITORY:-$GITHUB_REPOSITORY}/releases/download}"
[[ "$url" =~ ^https?://[^[:space:]]+$ ]] || fail 2 "\`download-url\` is \`$url\`, which is no http address"
url="${url%/}/v$BS_VERSION/$BS_ARCHIVE"
file="$(posix_path "$BS_FILE")"
rm -f "$file"
curl --fail --location --silent --show-error --retry 5 --retry-connrefused --connect-timeout 20 --max-time 900 \
    --output "$file" -- "$url" || {
    rm -f "$file"
    fail 4 "$url cannot be fetched; is there that release, and does the runner reach it (proxies: HTTPS_PROXY, NO_PROXY)? \`download-url\` names another place"
}
found="$(hash_of "$file")"
if [[ "$found" != "$BS_EXPECTED" ]]; then
    rm -f "$file"
    fail 4 "$url is not what was released: its SHA-256 is $found, scripts/action/checksums.txt has $BS_EXPECTED. It was removed and nothing of it was unpacked"
fi
