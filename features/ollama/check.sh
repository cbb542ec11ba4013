#!/bin/sh
# It answers, in the wanted version, and has the models it should have. No model is loaded to see that:
# it would stay in the memory of the card.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_unit ollama.service
check_http 11434 /api/tags Ollama
# shellcheck disable=SC2154 # parameters come from the manifest
ask_http 11434 /api/version | grep -qF "\"$parameter_version\"" ||
    broken "Ollama answers, and is not version $parameter_version: install the feature again"
tags=$(ask_http 11434 /api/tags)
# shellcheck disable=SC2154
for model in $parameter_models; do
    case $model in *:*) ;; *) model=$model:latest ;; esac
    printf '%s\n' "$tags" | grep -qF "\"$model\"" || broken "the model $model is missing: install the feature again"
done
