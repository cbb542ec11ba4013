#!/bin/sh
# Qdrant says that it is well also when its data are gone, so the directory and the list of
# collections are looked at too.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_container qdrant
[ -d /var/lib/qdrant/storage ] || broken "the data directory /var/lib/qdrant/storage is gone"
check_http 6333 /readyz Qdrant
if key=$(secret qdrant_api_key); then
    why=$(ask_http 6333 /collections api-key "$key" 2>&1 >/dev/null) ||
        broken "Qdrant does not list its collections: $why"
else
    check_http 6333 /collections "Qdrant's list of collections"
fi
