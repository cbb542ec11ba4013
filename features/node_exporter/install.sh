#!/bin/sh
# The exporter of the distribution: signed, with security updates, and with a unit of its own.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
packages prometheus-node-exporter

arguments=
# shellcheck disable=SC2154 # parameters come from the manifest
for name in $parameter_disabled_collectors; do
    prometheus-node-exporter --help 2>&1 | grep -Eq -- "--(\[no-\])?collector\.$name( |\$)" ||
        never "parameter disabled_collectors has '$name', which this exporter does not know"
    arguments="$arguments --no-collector.$name"
done

changes_are_for prometheus-node-exporter.service
put_file /etc/default/prometheus-node-exporter 644 <<END
# Written by Phoenix, from the parameters of the feature node_exporter.
ARGS="${arguments# }"
END
unit_on prometheus-node-exporter.service
unit_answers prometheus-node-exporter.service 10 ask_http 9100 /metrics
