#!/bin/sh
# Portainer in a Docker container: the server with its page, or an agent that a server looks after.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_docker
packages curl jq
# shellcheck source=role.sh
. ./role.sh
one_of "role, or portainer_role of the guest," "$role" server agent
# shellcheck disable=SC2154 # parameters come from the manifest
matches version "$parameter_version" '[0-9][A-Za-z0-9._-]*'

# Whoever has the socket is root in this guest. That is what Portainer is for.
socket=/var/run/docker.sock:/var/run/docker.sock
case $role in
    agent)
        docker_container portainer-agent "portainer/agent:$parameter_version" --publish 9001:9001 \
            --volume "$socket" --volume /var/lib/docker/volumes:/var/lib/docker/volumes
        container_answers portainer-agent 60 curl --silent --fail --insecure --max-time 4 https://localhost:9001/ping
        ;;
    server)
        put_directory /var/lib/portainer 700
        set -- --publish 9443:9443 --volume "$socket" --volume /var/lib/portainer:/data
        # A server without an administrator takes the first who comes, and stops after five minutes.
        if password=$(secret portainer_admin_password); then
            [ "$(head -n 1 "$password" | wc -m)" -gt 12 ] ||
                never "the secret portainer_admin_password is too short: Portainer wants 12 letters"
            put_file /etc/portainer/admin_password 600 <"$password"
        fi
        if [ -e /etc/portainer/admin_password ]; then
            set -- "$@" --volume /etc/portainer/admin_password:/run/admin_password:ro -- \
                --admin-password-file /run/admin_password
        elif [ ! -e /var/lib/portainer/portainer.db ]; then
            never "a Portainer server without an administrator stops itself: give the secret portainer_admin_password"
        fi
        docker_container portainer "portainer/portainer-ce:$parameter_version" "$@"
        container_answers portainer 60 curl --silent --fail --insecure --max-time 4 https://localhost:9443/api/system/status
        ;;
esac
