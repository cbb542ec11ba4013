#!/bin/sh
# pg_isready is content with a server whose data directory is gone, so a query has to come back, and
# with a password also one over TCP, as clients ask.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

(cd / && runuser -u postgres -- pg_isready --quiet --timeout 3) ||
    broken "no PostgreSQL server takes connections on port 5432"
# shellcheck disable=SC2154 # parameters come from the manifest
why=$(cd / && timeout 4 runuser -u postgres -- psql -X -q -A -t -d "$parameter_database" -c 'select 1' 2>&1) ||
    broken "the database $parameter_database does not answer: $(printf '%s\n' "$why" | head -n 1)"
password=$(secret postgresql_password) || exit 0
# On tmpfs, beside the secret; libpq takes a password from nowhere else that others cannot read.
(umask 077 && sed 's/[:\\]/\\&/g; s/^/localhost:5432:*:*:/; q' "$password" >"$PHOENIX_SECRETS/.pgpass")
# shellcheck disable=SC2154
why=$(PGPASSFILE=$PHOENIX_SECRETS/.pgpass timeout 3 psql -X -q -A -t -w -h localhost -U "$parameter_user" \
    -d "$parameter_database" -c 'select 1' 2>&1) ||
    broken "$parameter_user cannot log in with the password: $(printf '%s\n' "$why" | head -n 1)"
