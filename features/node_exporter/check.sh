#!/bin/sh
# It may answer and have nothing to tell: figures of the kernel must be there.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_unit prometheus-node-exporter.service
check_http 9100 /metrics "the exporter"
ask_http 9100 /metrics | grep -q '^node_memory_MemTotal_bytes ' ||
    broken "the exporter answers, and has no figures of the memory"
