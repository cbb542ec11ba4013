#!/bin/sh
# Without a model nothing is served, and the package is all there is to look at. While it loads, the
# server says 503, which is not well yet.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

/opt/llamacpp/bin/python -c 'import xllamacpp' 2>/dev/null || broken "there is no llama.cpp in /opt/llamacpp"
# shellcheck disable=SC2154 # parameters come from the manifest
[ -n "$parameter_model" ] || exit 0
check_unit llamacpp.service
check_http 8081 /health "the llama.cpp server"
