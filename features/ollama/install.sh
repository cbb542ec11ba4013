#!/bin/sh
# Ollama from its release, in a directory of its own for each version, and the one unit that runs it. It
# listens for other guests; whoever may reach the port may use the cards.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '[0-9]+(\.[0-9]+)+'
    matches models_dir "$parameter_models_dir" '/[A-Za-z0-9._/-]+[A-Za-z0-9]'
    matches keep_alive "$parameter_keep_alive" '-?[0-9]+[a-z0-9]*'
    for model in $parameter_models; do
        matches models "$model" '[A-Za-z0-9][A-Za-z0-9._:/-]*'
    done
}
[ "$(dpkg --print-architecture)" = amd64 ] || never "the feature ollama is for amd64 only"

place=/opt/ollama/$parameter_version
if [ ! -e "$place/bin/ollama" ]; then
    # shellcheck disable=SC2154
    sum=$parameter_sha256
    [ -n "$sum" ] || sum=$(awk -v version="$parameter_version" '$2 == version { print $1 }' checksums)
    [ -n "$sum" ] ||
        never "no checksum is known for Ollama $parameter_version: set sha256, from the release's sha256sum.txt"
    packages ca-certificates curl zstd
    archive=$(phoenix_scratch)/ollama.tar.zst
    download "https://github.com/ollama/ollama/releases/download/v$parameter_version/ollama-linux-amd64.tar.zst" "$sum" "$archive"
    rm -rf "$place.new"
    mkdir -p "$place.new"
    tar --zstd -xf "$archive" -C "$place.new" || again "the archive of Ollama $parameter_version cannot be unpacked: is the disk full?"
    rm -f "$archive"
    mv "$place.new" "$place"
    say "unpacked Ollama $parameter_version"
fi
changes_are_for ollama.service
put_link "$place/bin/ollama" /usr/local/bin/ollama

if ! getent passwd ollama >/dev/null; then
    useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/ollama --create-home ollama
    say "made the user ollama"
fi
put_directory "$parameter_models_dir" 755 ollama

put_file /etc/systemd/system/ollama.service 644 <<END
# Written by Phoenix, from the parameters of the feature ollama.
[Unit]
Description=Ollama
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/ollama serve
User=ollama
Group=ollama
Environment=OLLAMA_HOST=0.0.0.0:11434
Environment=OLLAMA_MODELS=$parameter_models_dir
Environment=OLLAMA_KEEP_ALIVE=$parameter_keep_alive
Restart=always
RestartSec=3

[Install]
WantedBy=multi-user.target
END
unit_on ollama.service
unit_answers ollama.service 60 ask_http 11434 /api/tags

# The versions before, which nothing runs any more.
for other in /opt/ollama/*; do
    [ "$other" = "$place" ] || { rm -rf "$other" && say "removed ${other##*/}"; }
done

for model in $parameter_models; do
    OLLAMA_HOST=127.0.0.1:11434 ollama show "$model" >/dev/null 2>&1 && continue
    OLLAMA_HOST=127.0.0.1:11434 quietly ollama pull "$model" || again "cannot pull the model $model, as shown above"
    say "pulled $model"
done
