#!/usr/bin/env bash
# Puts backsight into the tool cache, from the verified archive or from source, and on the path of later steps.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

folder="$(posix_path "$BS_FOLDER")"
staging="$folder.$$"

# Unpacks the archive, which was verified, and leaves its one program at the top of the staging folder.
unpack() {
    local file found
    file="$(posix_path "$BS_FILE")"
    mkdir -p "$staging/archive"
    case "$BS_ARCHIVE" in
    *.zip) unzip -q "$file" -d "$staging/archive" ;;
    *) tar -xzf "$file" -C "$staging/archive" ;;
    esac
    found="$(find "$staging/archive" -type f -name "$BS_PROGRAM")"
    [[ -n "$found" && "$found" != *$'\n'* ]] || fail 4 "$BS_ARCHIVE does not hold one file $BS_PROGRAM"
    mv "$found" "$staging/$BS_PROGRAM"
    rm -rf "$staging/archive" "$file"
    if [[ "$BS_ATTEST" == true ]]; then : >"$staging/attested"; fi
}

build() {
    command -v cargo >/dev/null ||
        fail 4 "no release of backsight $BS_VERSION for $BS_TARGET is known here, and there is no cargo to build it: install Rust before this step (rustup)"
    notice "no release of backsight $BS_VERSION for $BS_TARGET is known here; it is built from the action's own source, which takes minutes"
    if [[ "$BS_ATTEST" == true ]]; then warn "\`attest\` is about releases; what is built here has no attestation"; fi
    (cd "$(posix_path "$BS_ACTION")" && CARGO_TARGET_DIR="$BS_BUILD_FOLDER" cargo install --locked --path . --root "$staging" --no-track --force)
    mv "$staging/bin/$BS_PROGRAM" "$staging/$BS_PROGRAM"
    rmdir "$staging/bin"
}

if [[ "$BS_HOW" != warm ]] && ! { [[ "$BS_HOW" == source ]] && is_warm "$folder" "$BS_PROGRAM"; }; then
    rm -rf "$staging"
    mkdir -p "$staging"
    trap 'rm -rf "$staging"' EXIT
    case "$BS_HOW" in
    download) unpack ;;
    *) build ;;
    esac
    chmod +x "$staging/$BS_PROGRAM"
    said="$("$staging/$BS_PROGRAM" --version)" || fail 4 "the backsight that was installed does not start on this runner"
    [[ "$said" == "backsight $BS_VERSION" ]] || fail 4 "the backsight that was installed says \`$said\` instead of \`backsight $BS_VERSION\`"
    hash_of "$staging/$BS_PROGRAM" >"$staging/$BS_PROGRAM.sha256"
    rm -rf "$folder" "$folder.complete"
    mv "$staging" "$folder"
    : >"$folder.complete"
fi

printf '%s\n' "$BS_FOLDER" >>"$GITHUB_PATH"
put binary "$folder/$BS_PROGRAM"
put sha256 "$(cat "$folder/$BS_PROGRAM.sha256")"
