#!/bin/sh
# The version is asked of the metadata; importing vLLM takes longer than a check may. A template serves
# no model; of others the one that was set up has to be there.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
have=$("$parameter_environment/bin/python" -c 'import importlib.metadata as m; print(m.version("vllm"), m.version("torch"))' 2>/dev/null) ||
    broken "there is no vllm in $parameter_environment"
# shellcheck disable=SC2154
[ "${have%% *}" = "$parameter_version" ] ||
    broken "$parameter_environment has vllm ${have%% *}, wanted $parameter_version"
[ -x "$parameter_environment/bin/vllm" ] || broken "there is no command $parameter_environment/bin/vllm"

[ -n "${serve_model:-}" ] || exit 0
check_unit vllm.service
# shellcheck disable=SC2154 # what is served comes from the spec
check_http "$serve_port" /health vLLM
# shellcheck disable=SC2154
ask_http "$serve_port" /v1/models | grep -qF "\"$serve_name\"" ||
    broken "vLLM answers, and does not offer $serve_name: see journalctl -u vllm"
