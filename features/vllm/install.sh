#!/bin/sh
# vLLM in an environment of its own, made beside the present one and then put in its place, so that a
# broken installation never takes the place of a working one. Which model is served, and the unit
# that serves it, is the guest's business and not the feature's.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '[0-9][0-9A-Za-z.+]*'
    matches environment "$parameter_environment" '/[A-Za-z0-9._/-]+[A-Za-z0-9]'
    matches models_dir "$parameter_models_dir" '/[A-Za-z0-9._/-]+[A-Za-z0-9]'
}
command -v python3 >/dev/null || never "this guest has no Python: put python_api_service in front of vllm"

here=$parameter_environment
# The metadata tell, in a moment; an import would take half a minute.
present() {
    [ -x "$1/bin/python" ] && "$1/bin/python" -c 'import importlib.metadata as m; print(m.version("vllm"))' 2>/dev/null
}

if [ "$(present "$here" || :)" != "$parameter_version" ]; then
    [ ! -e "$here" ] || [ -e "$here/pyvenv.cfg" ] ||
        never "$here is there and is no Python environment: move it away or set environment"
    # At run time the kernels are compiled for the card at hand.
    packages ca-certificates gcc g++ libc6-dev python3-dev python3-venv ninja-build
    # An environment cannot be moved: its scripts hold its path. So it goes by a link.
    target=$here-$parameter_version
    rm -rf "$target"
    python3 -m venv "$target" || again "python3 -m venv failed in $target"
    # From PyPI alone, whatever the guest's environment says, and nothing that would have to be built.
    if ! quietly "$target/bin/pip" --isolated --cert /etc/ssl/certs/ca-certificates.crt install --no-input --no-cache-dir --only-binary :all: \
        "vllm==$parameter_version"; then
        rm -rf "$target"
        if grep -q 'No matching distribution found for vllm' "$(phoenix_scratch)/log"; then
            never "PyPI has no vllm $parameter_version for $(python3 --version)"
        fi
        again "pip cannot install vllm $parameter_version, as shown above"
    fi
    [ "$(present "$target" || :)" = "$parameter_version" ] || again "pip was content, and $target has no vllm $parameter_version"
    old=$(readlink "$here") || old=
    if [ -d "$here" ] && [ ! -L "$here" ]; then rm -rf "$here"; fi
    put_link "$target" "$here"
    if [ -n "$old" ] && [ "$old" != "$target" ]; then rm -rf "$old"; fi
    say "installed vllm $parameter_version"
fi

if ! getent passwd vllm >/dev/null; then
    useradd --system --shell /usr/sbin/nologin --home-dir /var/lib/vllm --create-home vllm
    say "made the user vllm"
fi
put_directory "$parameter_models_dir" 755 vllm
# Its token for models that are not open to everybody; the unit reads it as a file.
if token=$(secret hf_token); then
    put_directory /etc/vllm 700
    tr -d '\n' <"$token" | put_file /etc/vllm/hf_token 600
fi
