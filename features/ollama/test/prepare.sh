#!/bin/sh
# Run in the guest before the installation, with the stand-ins in PATH. What it prints are the
# parameters and the variables that differ from the ordinary, as NAME=VALUE.
set -eu
# What packs the archive; the feature installs it only once it is needed.
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update >&2
apt-get -qq -y install --no-install-recommends zstd >&2
mkdir -p "$STAND_IN/bin"
cp "$(command -v ollama)" "$STAND_IN/bin/ollama"
tar --zstd -cf "$STAND_IN/ollama.tar.zst" -C "$STAND_IN" bin/ollama
sum=$(sha256sum "$STAND_IN/ollama.tar.zst")
echo "parameter_sha256=${sum%% *}"
echo "parameter_models=tiny:1b"
