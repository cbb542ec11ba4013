#!/bin/sh
# A server that stopped for want of an administrator still runs, and answers nothing but a redirection.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"
# shellcheck source=role.sh
. ./role.sh

case $role in
    agent) name=portainer-agent address=https://localhost:9001/ping ;;
    *) name=portainer address=https://localhost:9443/api/system/status ;;
esac
check_container "$name"
status=$(curl --silent --insecure --max-time 4 --output /dev/null --write-out '%{http_code}' "$address") || :
case $status in
    2??) ;;
    000) broken "$name does not answer on $address" ;;
    *) broken "$name answers $address with $status" ;;
esac
