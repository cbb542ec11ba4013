#!/bin/sh
# The page answers after its database is open.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_container open-webui
check_http 8080 /health "Open WebUI"
