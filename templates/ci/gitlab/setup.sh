# Backsight: from the image, or from an archive whose SHA-256 is known.
if ! command -v backsight >/dev/null; then
  target="$(uname -m)-unknown-linux-musl"
  if ldd --version 2>/dev/null | sed -n 1p | grep -Eq 'G(LIBC|NU libc).* 2\.(3[5-9]|[4-9][0-9])$'; then
    target="$(uname -m)-unknown-linux-gnu"
  fi
  name="backsight-$BACKSIGHT_VERSION-$target"
  if [ -z "$BACKSIGHT_DOWNLOAD_URL" ] || [ -z "$BACKSIGHT_SHA256" ]; then
    echo "error: this image has no backsight, and none can be installed: use an image that has it, or say where $name.tar.gz is" \
      "(BACKSIGHT_DOWNLOAD_URL) and its SHA-256 (BACKSIGHT_SHA256)" >&2
    exit 4
  fi
  folder="$(mktemp -d)"
  curl --fail --silent --show-error --location --retry 3 --output "$folder/$name.tar.gz" \
    "$BACKSIGHT_DOWNLOAD_URL/v$BACKSIGHT_VERSION/$name.tar.gz"
  if ! (cd "$folder" && echo "$BACKSIGHT_SHA256  $name.tar.gz" | sha256sum -c - >/dev/null 2>&1); then
    rm -rf "$folder"
    echo "error: $name.tar.gz is not what BACKSIGHT_SHA256 says; it was removed, and nothing of it was run" >&2
    exit 4
  fi
  tar -xzf "$folder/$name.tar.gz" -C "$folder"
  export PATH="$folder/$name:$PATH"
fi
