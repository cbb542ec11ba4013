#!/bin/sh
# /healthz/readiness waits for the database; /healthz does not.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_container n8n
check_http 5678 /healthz/readiness n8n
