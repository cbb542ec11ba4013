#!/bin/sh
# Docker from its own repository: the distribution's is years behind, and has no Compose plugin.
# What others wrote into daemon.json stays; only the keys of this feature are ours.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '[0-9.]*'
    matches storage_driver "$parameter_storage_driver" '[a-z0-9-]*'
    matches log_max_size "$parameter_log_max_size" '[1-9][0-9]*[kmg]'
    matches log_max_file "$parameter_log_max_file" '[1-9][0-9]{0,3}'
}

packages ca-certificates curl jq
distribution=$(os_release ID)
case $distribution in debian | ubuntu) ;; *) never "Docker has no packages for $(os_release PRETTY_NAME)" ;; esac
apt_source docker "https://download.docker.com/linux/$distribution" "$(os_release VERSION_CODENAME)" stable \
    "https://download.docker.com/linux/$distribution/gpg" 9DC858229FC7DD38854AE2D88D81803C0EBFCD88

if [ -n "$parameter_version" ]; then
    version=$(newest docker-ce "$parameter_version") || {
        packages_list
        version=$(newest docker-ce "$parameter_version") ||
            never "Docker's repository has no version $parameter_version for $(os_release PRETTY_NAME)"
    }
    packages "docker-ce=$version" "docker-ce-cli=$version" containerd.io docker-compose-plugin
else
    packages docker-ce docker-ce-cli containerd.io docker-compose-plugin
fi

file=/etc/docker/daemon.json
# what_is PATH: a JSON object, empty where there is none yet.
what_is() { if [ -s "$1" ]; then cat "$1"; else echo '{}'; fi; }
what_is "$file" | jq --exit-status 'type == "object"' >/dev/null 2>&1 ||
    never "$file is no JSON object: mend it in the guest"

# Some file systems below a container refuse overlays, and Docker would then copy every layer whole.
overlays() {
    room=/var/lib/docker/phoenix-overlay
    mkdir -p "$room/lower" "$room/upper" "$room/work" "$room/merged"
    if mount -t overlay overlay -o "lowerdir=$room/lower,upperdir=$room/upper,workdir=$room/work" "$room/merged" 2>/dev/null; then
        umount "$room/merged"
        rm -rf "$room"
        return 0
    fi
    rm -rf "$room"
    return 1
}
driver=$parameter_storage_driver
# What it was once decides: images of another driver would be out of sight.
[ -n "$driver" ] || driver=$(what_is "$file" | jq --raw-output '."storage-driver" // empty')
if [ -z "$driver" ]; then
    case $(docker info --format '{{.Driver}}' 2>/dev/null || :) in
        '' | vfs) overlays || driver=fuse-overlayfs ;;
    esac
fi
if [ "$driver" = fuse-overlayfs ]; then
    [ -c /dev/fuse ] || never "the file system refuses overlays and there is no /dev/fuse: add fuse=1 to pct_options"
    packages fuse-overlayfs
fi

runtime='{}'
if has_feature nvidia; then
    apt_source nvidia-container-toolkit "https://nvidia.github.io/libnvidia-container/stable/deb/$(dpkg --print-architecture)" / "" \
        https://nvidia.github.io/libnvidia-container/gpgkey C95B321B61E88C1809C4F759DDCAE044F796ECB0
    packages nvidia-container-toolkit
    runtime='{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}}}'
    # In an unprivileged container nobody may write the cgroup's list of devices; the host did.
    if ! grep -q ' 4294967295$' /proc/self/uid_map; then
        settings=/etc/nvidia-container-runtime/config.toml
        changes_are_for docker.service
        sed 's/^#*no-cgroups *=.*/no-cgroups = true/' "$settings" | put_file "$settings" 644
        grep -qx 'no-cgroups = true' "$settings" || never "$settings has no line no-cgroups"
    fi
fi

changes_are_for docker.service
# Drivers named here are Docker's own, which its store of images in containerd does not know.
what_is "$file" | jq --arg driver "$driver" --arg size "$parameter_log_max_size" --arg count "$parameter_log_max_file" --argjson runtime "$runtime" '
    . * {"log-driver": "json-file", "log-opts": {"max-size": $size, "max-file": $count}} * $runtime
    | if $driver == "" then . else
        ."storage-driver" = $driver | .features = (.features // {}) + {"containerd-snapshotter": false}
      end' | put_file "$file" 644

# The login that `docker login` would write, without the registry having to answer now.
if token=$(secret docker_token); then
    grep -q '^[^:]*:..*' "$token" || never "the secret docker_token is not written as user:token"
    login=/root/.docker/config.json
    put_directory /root/.docker 700
    what_is "$login" | jq --rawfile token "$token" '
        .auths["https://index.docker.io/v1/"].auth = ($token | rtrimstr("\n") | @base64)' | {
        # It is read with every pull, so nothing has to be restarted.
        changes_are_for ''
        put_file "$login" 600
    }
fi

unit_on docker.service
unit_answers docker.service 30 docker info
