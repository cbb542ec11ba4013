#!/bin/sh
# Qdrant in a Docker container. Its collections are on the guest, not in the container, which goes
# with every new version.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" 'v?[0-9][A-Za-z0-9._-]*'
    one_of log_level "$parameter_log_level" ERROR WARN INFO DEBUG TRACE
}
needs_docker

put_directory /var/lib/qdrant 700
put_directory /var/lib/qdrant/storage 700
put_directory /var/lib/qdrant/snapshots 700

changes_are_for qdrant
# The key is in a file, because the environment of a container can be read with `docker inspect`.
{
    echo '# Written by Phoenix, from the parameters of the feature qdrant.'
    echo "log_level: $parameter_log_level"
    echo 'telemetry_disabled: true'
    if key=$(secret qdrant_api_key); then
        echo 'service:'
        sed 's/[\\"]/\\&/g; s/.*/  api_key: "&"/; q' "$key"
    fi
} | put_file /etc/qdrant/local.yaml 600

docker_container qdrant "qdrant/qdrant:$parameter_version" \
    --publish 6333:6333 --publish 6334:6334 \
    --volume /etc/qdrant/local.yaml:/qdrant/config/local.yaml:ro \
    --volume /var/lib/qdrant/storage:/qdrant/storage \
    --volume /var/lib/qdrant/snapshots:/qdrant/snapshots
# Large collections take minutes to load; who waits for those is the guest's health check.
container_answers qdrant 60 ask_http 6333 /healthz
