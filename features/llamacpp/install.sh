#!/bin/sh
# The server of llama.cpp, as the PyPI package xllamacpp brings it: a release of llama.cpp with a
# checksum, without a compiler in the guest. Where the guest has CUDA, the same package is built from
# its source archive, which has a checksum as well.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '[0-9]+(\.[0-9]+)+'
    matches model "$parameter_model" '[A-Za-z0-9._/:-]*'
    matches context_size "$parameter_context_size" '[0-9]+'
    matches gpu_layers "$parameter_gpu_layers" '-?[0-9]+'
    matches models_dir "$parameter_models_dir" '/[A-Za-z0-9._/-]+[A-Za-z0-9]'
}
# pip trusts whom the guest trusts, so that a mirror with a certificate of its own works.
packages ca-certificates python3 python3-venv libgomp1

place=/opt/llamacpp
build=cpu
if [ -x /usr/local/cuda/bin/nvcc ] || [ -L /usr/local/cuda ]; then build=cuda; fi
target=$place-$parameter_version-$build
changes_are_for llamacpp.service
if ! "$place/bin/python" -c 'import xllamacpp' 2>/dev/null || [ "$(readlink "$place")" != "$target" ]; then
    # Lines of the recorded checksums: of the wheels, and of the source archive.
    grep -q "^xllamacpp==$parameter_version " requirements.txt ||
        never "no checksums are recorded for version $parameter_version: features/llamacpp/requirements.txt has those there are"
    old=$(readlink "$place") || old=
    rm -rf "$target"
    python3 -m venv "$target" || again "python3 -m venv failed in $target"
    if [ "$build" = cuda ]; then
        packages build-essential cmake git python3-dev
        # What builds it is not in the recorded list: pip takes it from PyPI for the time of the build.
        PATH=/usr/local/cuda/bin:$PATH XLLAMACPP_BUILD_CUDA=1 quietly "$target/bin/pip" --isolated --cert /etc/ssl/certs/ca-certificates.crt install --no-input \
            --no-cache-dir --no-deps --require-hashes --no-binary xllamacpp -r requirements.txt ||
            again "pip cannot build xllamacpp $parameter_version with CUDA, as shown above"
    else
        quietly "$target/bin/pip" --isolated --cert /etc/ssl/certs/ca-certificates.crt install --no-input --no-cache-dir --no-deps --require-hashes \
            --only-binary :all: -r requirements.txt || again "pip cannot install xllamacpp $parameter_version, as shown above"
    fi
    "$target/bin/python" -c 'import xllamacpp' || again "$target cannot import xllamacpp"
    put_link "$target" "$place"
    if [ -n "$old" ] && [ "$old" != "$target" ]; then rm -rf "$old"; fi
    say "installed llama.cpp by xllamacpp $parameter_version ($build)"
fi

if ! getent passwd llamacpp >/dev/null; then
    useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/llamacpp --create-home llamacpp
    say "made the user llamacpp"
fi
put_directory "$parameter_models_dir" 755 llamacpp
put_file /usr/local/lib/llamacpp/serve.py 644 <serve.py

credential=
if token=$(secret hf_token); then
    put_directory /etc/llamacpp 700
    tr -d '\n' <"$token" | put_file /etc/llamacpp/hf_token 600
    credential=LoadCredential=hf_token:/etc/llamacpp/hf_token
fi
model=$parameter_model
case $model in
    '' | /*) ;;
    *.gguf) model=$parameter_models_dir/$model ;;
    *:*) ;;
    *) never "parameter model is '$model': write a .gguf file below models_dir, or repository:quantization" ;;
esac
put_file /etc/systemd/system/llamacpp.service 644 <<END
# Written by Phoenix, from the parameters of the feature llamacpp.
[Unit]
Description=The llama.cpp server
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$place/bin/python /usr/local/lib/llamacpp/serve.py
User=llamacpp
Environment=LLAMACPP_MODEL=$model
Environment=LLAMACPP_CONTEXT=$parameter_context_size
Environment=LLAMACPP_GPU_LAYERS=$parameter_gpu_layers
Environment=LLAMA_CACHE=$parameter_models_dir
$credential
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
END
if [ -z "$model" ]; then
    if systemctl is-enabled --quiet llamacpp.service 2>/dev/null; then
        quietly systemctl disable --now llamacpp.service
        say "stopped llamacpp.service: there is no model to serve"
    fi
    exit 0
fi
case $model in
    /*) [ -f "$model" ] || never "there is no model $model in the guest: put it there, or set model to repository:quantization" ;;
esac
# Loading takes minutes for a large model; the guest's health check waits for that.
unit_on llamacpp.service
