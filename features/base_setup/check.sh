#!/bin/sh
# A package that somebody removed, or a locale that no program can load, is a guest of another kind.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
for name in $parameter_packages; do
    is_installed "$name" || broken "the package $name is not installed"
done
# shellcheck disable=SC2154
perl -MPOSIX -e 'exit !setlocale(LC_ALL, shift)' "$parameter_locale" ||
    broken "no program can load the locale $parameter_locale"
grep -qxF "LANG=$parameter_locale" /etc/default/locale 2>/dev/null ||
    broken "/etc/default/locale does not say LANG=$parameter_locale"
