#!/bin/sh
# Fetches the vendored browser files again, each at the version named here, with its licence beside it.
# Needs npm (its `pack` command only), tar, and python3 with fonttools and brotli. Run it in this folder after changing a version, then
# look at /styleguide and the clip editor: htmx 4 and wavesurfer 8 are rewrites, so the major versions stay.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# unpack NAME VERSION: the package's files land in $work/NAME (slashes and @ dropped)
unpack() {
    folder="$work/$(printf %s "$1" | tr -d '@' | tr '/' '-')"
    mkdir -p "$folder"
    archive=$(cd "$work" && npm pack --silent "$1@$2")
    tar -xzf "$work/$archive" -C "$folder" --strip-components=1
    printf '%s %s\n' "$1" "$2" >> "$work/versions.txt"
}

# keep FOLDER-IN-WORK TARGET FILE…: copies the files and the licence to ./TARGET
keep() {
    from="$work/$1" target="$2"
    shift 2
    mkdir -p "$target"
    for file in "$@"; do cp "$from/$file" "$target/"; done
    cp "$from/LICENSE" "$target/LICENSE"
    chmod 644 "$target"/*
}

unpack htmx.org 2.0.11
keep htmx.org htmx dist/htmx.min.js

unpack wavesurfer.js 7.12.12
keep wavesurfer.js wavesurfer dist/wavesurfer.esm.js \
    dist/plugins/regions.esm.js dist/plugins/timeline.esm.js dist/plugins/minimap.esm.js

unpack @fontsource-variable/inter 5.3.0
keep fontsource-variable-inter inter files/inter-latin-ext-wght-normal.woff2
python3 subset_fonts.py "$work/fontsource-variable-inter/files/inter-latin-wght-normal.woff2" \
    inter/inter-latin-400-600.woff2 400 600

# Headings use one weight (600) only, so the static cut does: half the bytes of the variable one.
unpack @fontsource/bricolage-grotesque 5.3.0
keep fontsource-bricolage-grotesque bricolage-grotesque files/bricolage-grotesque-latin-ext-600-normal.woff2
python3 subset_fonts.py "$work/fontsource-bricolage-grotesque/files/bricolage-grotesque-latin-600-normal.woff2" \
    bricolage-grotesque/bricolage-grotesque-latin-600.woff2

unpack lucide-static 1.62.0
python3 make_sprite.py "$work/lucide-static/icons" ../icons/names.txt ../icons.svg
cp "$work/lucide-static/LICENSE" ../icons/LICENSE-lucide

sort "$work/versions.txt" > versions.txt
