#!/bin/sh
# Write here what it looks at, and why that shows that @name@ works: ask what it is there for, not only
# whether its files are.
set -eu
# shellcheck source=/dev/null
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
grep -qxF "greeting=$parameter_greeting" /etc/@name@.conf 2>/dev/null ||
    broken "/etc/@name@.conf does not have the greeting: install the feature again"
