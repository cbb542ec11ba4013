#!/bin/sh
# A container runs the host's kernel module, and NVIDIA's libraries work with exactly that version. So
# the user-space half of the host's driver is installed, from NVIDIA's own installer, and nothing else
# of it. CUDA comes from NVIDIA's signed repository and never brings a driver along.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches driver_version "$parameter_driver_version" '([0-9]+(\.[0-9]+)+)?'
    matches cuda_version "$parameter_cuda_version" '[0-9]+\.[0-9]+'
}
wanted=${PHOENIX_HOST_DRIVER:-}
[ -n "$wanted" ] ||
    never "the host has no NVIDIA driver: install it there (nvidia_driver of the hypervisor file), then try this guest again"
[ -z "$parameter_driver_version" ] || [ "$parameter_driver_version" = "$wanted" ] ||
    never "parameter driver_version is $parameter_driver_version, and the host runs $wanted: they have to be the same"
matches PHOENIX_HOST_DRIVER "$wanted" '[0-9]+(\.[0-9]+)+'
[ "$(dpkg --print-architecture)" = amd64 ] || never "the feature nvidia is for amd64 only"

# What the library itself is called; nvidia-smi would also need a card.
library() { find /usr/lib/x86_64-linux-gnu /usr/lib64 -name 'libcuda.so.*.*' 2>/dev/null | sed -n '1s/.*libcuda\.so\.//p'; }
have=$(library)
if [ "$have" != "$wanted" ]; then
    # shellcheck disable=SC2154
    sum=$parameter_driver_sha256
    [ -n "$sum" ] || sum=$(awk -v version="$wanted" '$2 == version { print $1 }' checksums)
    [ -n "$sum" ] ||
        never "no checksum is known for the NVIDIA driver $wanted: set driver_sha256, from NVIDIA's page of that driver"
    packages ca-certificates curl kmod libglvnd0 xz-utils
    installer=$(phoenix_scratch)/NVIDIA-Linux-x86_64-$wanted.run
    download "https://us.download.nvidia.com/XFree86/Linux-x86_64/$wanted/${installer##*/}" "$sum" "$installer"
    [ -z "$have" ] || say "the driver in the guest is $have, the host runs $wanted: it is replaced"
    # It removes what it installed before; its checks of the running system are the host's business.
    # It unpacks more than a gigabyte, which /tmp may not have.
    TMPDIR=$(phoenix_scratch) quietly sh "$installer" --silent --no-kernel-modules --no-x-check --no-nouveau-check --no-backup \
        --no-install-compat32-libs --install-libglvnd ||
        { tail -n 20 /var/log/nvidia-installer.log >&2 || :; again "NVIDIA's installer failed, as shown above"; }
    rm -f "$installer"
    [ "$(library)" = "$wanted" ] || again "after the installation the guest has the driver '$(library)', wanted $wanted"
    say "installed the NVIDIA driver $wanted, without its kernel module"
fi

# shellcheck disable=SC2154
if [ "$parameter_cuda_toolkit" = true ]; then
    case $(os_release ID)$(os_release VERSION_ID) in
        debian12 | debian13) repository=$(os_release ID)$(os_release VERSION_ID) ;;
        ubuntu22.04 | ubuntu24.04) repository=$(os_release ID)$(os_release VERSION_ID | tr -d .) ;;
        *) never "NVIDIA has no CUDA packages for $(os_release PRETTY_NAME): set cuda_toolkit to false" ;;
    esac
    address=https://developer.download.nvidia.com/compute/cuda/repos/$repository/x86_64
    # NVIDIA signs its repositories for Debian 13 and later with a newer key of another name.
    apt_source cuda "$address/" / '' "$address/3bf863cc.pub" EB693B3035CD5710E231E123A4B469963BF863CC
    # A driver of the repository, pulled in by whatever, would not be the host's.
    put_file /etc/apt/preferences.d/phoenix-nvidia 644 <<'END'
# Written by Phoenix: the driver in this guest is the host's, and comes from no repository.
Package: cuda-drivers* nvidia-driver* nvidia-kernel* nvidia-open* libcuda1* libnvidia-compute*
Pin: release *
Pin-Priority: -1
END
    packages "cuda-toolkit-$(printf '%s\n' "$parameter_cuda_version" | tr . -)"
    put_link "/usr/local/cuda-$parameter_cuda_version" /usr/local/cuda
    put_file /etc/profile.d/cuda.sh 644 <<'END'
# Written by Phoenix: the feature nvidia.
PATH=$PATH:/usr/local/cuda/bin
END
fi
