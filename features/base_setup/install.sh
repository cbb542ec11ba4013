#!/bin/sh
# The tools one misses when something is wrong in a guest, and a locale in which names and log lines
# of any language are readable.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
for name in $parameter_packages; do
    matches packages "$name" '[a-z0-9][a-z0-9+.-]*'
done
# shellcheck disable=SC2154
matches locale "$parameter_locale" '[A-Za-z_]+(\.[A-Za-z0-9-]+)?(@[a-z]+)?'

# shellcheck disable=SC2086 # one word a package
packages locales $parameter_packages

has_locale() { perl -MPOSIX -e 'exit !setlocale(LC_ALL, shift)' "$parameter_locale"; }

if ! has_locale; then
    line=$(grep -m 1 "^$parameter_locale " /usr/share/i18n/SUPPORTED) ||
        never "there is no locale $parameter_locale: /usr/share/i18n/SUPPORTED lists those there are"
    grep -qxF "$line" /etc/locale.gen || {
        cat /etc/locale.gen
        printf '%s\n' "$line"
    } | put_file /etc/locale.gen 644
    quietly locale-gen
    has_locale || again "locale-gen made no $parameter_locale"
    say "generated $parameter_locale"
fi

if ! grep -qxF "LANG=$parameter_locale" /etc/default/locale 2>/dev/null; then
    update-locale "LANG=$parameter_locale"
    say "set the locale to $parameter_locale"
fi
