#!/bin/sh
# The version is asked of the metadata; importing vLLM takes longer than a check may. Whether a model
# is served is for the guest's own health check.
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
