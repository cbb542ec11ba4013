#!/bin/sh
# n8n in a Docker container. What it keeps is encrypted with one key: without it the credentials of
# every workflow are lost, so a key that does not fit to the data is never put beside them.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '[0-9][A-Za-z0-9._-]*'
    matches public_url "$parameter_public_url" '(https?://[^ "]+)?'
    matches timezone "$parameter_timezone" '[A-Za-z0-9_+/-]*'
}
needs_docker
packages jq

# In the image n8n is the user 1000.
put_directory /var/lib/n8n 700 1000:1000
settings=/var/lib/n8n/config
if key=$(secret n8n_encryption_key); then
    if [ -s "$settings" ]; then
        jq --exit-status --rawfile key "$key" '.encryptionKey == ($key | rtrimstr("\n"))' "$settings" >/dev/null ||
            never "the data in /var/lib/n8n are encrypted with another key than the secret n8n_encryption_key"
    else
        changes_are_for n8n
        jq --null-input --rawfile key "$key" '{encryptionKey: ($key | rtrimstr("\n"))}' |
            put_file "$settings" 600 1000:1000
    fi
fi

zone=$parameter_timezone
[ -n "$zone" ] || zone=$(readlink /etc/localtime | sed -n 's|.*/zoneinfo/||p')
set -- --publish 5678:5678 --volume /var/lib/n8n:/home/node/.n8n \
    --env "GENERIC_TIMEZONE=${zone:-Etc/UTC}" --env "TZ=${zone:-Etc/UTC}" \
    --env N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=true
[ -z "$parameter_public_url" ] || set -- "$@" --env "WEBHOOK_URL=$parameter_public_url"
# Browsers keep a secure cookie only over https, and nobody could log in.
case $parameter_public_url in
    https://*) ;;
    *) set -- "$@" --env N8N_SECURE_COOKIE=false ;;
esac
docker_container n8n "docker.io/n8nio/n8n:$parameter_version" "$@"
container_answers n8n 180 ask_http 5678 /healthz
