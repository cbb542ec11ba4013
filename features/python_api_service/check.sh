#!/bin/sh
# What a service needs is an environment with pip in it, so one is made, beside this script.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
for name in $parameter_packages; do
    is_installed "$name" || broken "the package $name is not installed"
done
command -v python3 >/dev/null || broken "there is no python3"
python3 -m pip --version >/dev/null 2>&1 || broken "python3 has no pip"
# Filling the environment with pip would take most of a check's ten seconds.
python3 -c 'import ensurepip, ssl, sqlite3' 2>/dev/null ||
    broken "python3 is not whole: it cannot import ensurepip, ssl and sqlite3"
python3 -m venv --without-pip "$(phoenix_scratch)/environment" >/dev/null 2>&1 ||
    broken "python3 -m venv makes no environment"
