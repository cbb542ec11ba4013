#!/bin/sh
# Open WebUI in a Docker container, with its database and uploads on the guest. The key that signs
# sessions is there too, so that a new version does not log everybody out.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" 'v?[0-9][A-Za-z0-9._-]*'
    matches ollama_url "$parameter_ollama_url" '(https?://[^ "]+)?'
    matches openai_url "$parameter_openai_url" '(https?://[^ "]+)?'
}
needs_docker

put_directory /var/lib/open-webui 700
changes_are_for open-webui
if key=$(secret open_webui_secret_key); then
    head -n 1 "$key" | tr -d '\n' | put_file /var/lib/open-webui/.webui_secret_key 600
fi

# shellcheck disable=SC2154
set -- --publish 8080:8080 --volume /var/lib/open-webui:/app/backend/data \
    --env WEBUI_SECRET_KEY_FILE=/app/backend/data/.webui_secret_key \
    --env "ENABLE_SIGNUP=$parameter_signup"
[ -z "$parameter_ollama_url" ] || set -- "$@" --env "OLLAMA_BASE_URL=$parameter_ollama_url"
[ -z "$parameter_openai_url" ] || set -- "$@" --env "OPENAI_API_BASE_URL=$parameter_openai_url"
docker_container open-webui "ghcr.io/open-webui/open-webui:$parameter_version" "$@"
# The first start fills the database and fetches a model for search.
container_answers open-webui 300 ask_http 8080 /health
