#!/bin/sh
# Python from the distribution. Services bring their libraries in environments of their own, so that
# two of them never disagree about a version.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
for name in $parameter_packages; do
    matches packages "$name" '[a-z0-9][a-z0-9+.-]*'
done
# shellcheck disable=SC2086 # one word a package
packages python3 python3-pip python3-venv $parameter_packages
