#!/bin/sh
# The daemon must answer, with a storage driver one can live with and the runtime for cards that the
# guest has.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_unit docker.service
# shellcheck disable=SC2016 # a template of Docker's
seen=$(timeout 8 docker info --format '{{.Driver}} {{range $name, $runtime := .Runtimes}}{{$name}} {{end}}' 2>&1) ||
    broken "the Docker daemon does not answer: $(printf '%s\n' "$seen" | tail -n 1)"
case $seen in
    vfs*) broken "Docker fell back to the storage driver vfs, which copies every layer whole" ;;
esac
if has_feature nvidia; then
    case $seen in *' nvidia '*) ;; *) broken "Docker does not know the runtime nvidia" ;; esac
fi
docker compose version >/dev/null 2>&1 || broken "the Compose plugin is missing"
