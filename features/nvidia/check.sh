#!/bin/sh
# The library must be of the host's version, which holds also where no card is given to the guest. With
# a card, the driver must see each one.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

have=$(find /usr/lib/x86_64-linux-gnu /usr/lib64 -name 'libcuda.so.*.*' 2>/dev/null | sed -n '1s/.*libcuda\.so\.//p')
[ -n "$have" ] || broken "the guest has no NVIDIA driver"
[ -z "${PHOENIX_HOST_DRIVER:-}" ] || [ "$have" = "$PHOENIX_HOST_DRIVER" ] ||
    broken "the guest has the NVIDIA driver $have, the host runs $PHOENIX_HOST_DRIVER: install the feature again"

if [ -n "${PHOENIX_GPUS:-}" ]; then
    seen=$(timeout 8 nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>&1) ||
        broken "nvidia-smi fails: $(printf '%s\n' "$seen" | tail -n 1)"
    # shellcheck disable=SC2086 # one word a card
    set -- $PHOENIX_GPUS
    [ "$(printf '%s\n' "$seen" | grep -c .)" -eq $# ] ||
        broken "the guest sees $(printf '%s\n' "$seen" | grep -c .) cards, $# are assigned to it"
fi
# shellcheck disable=SC2154 # parameters come from the manifest
if [ "$parameter_cuda_toolkit" = true ]; then
    "/usr/local/cuda-$parameter_cuda_version/bin/nvcc" --version >/dev/null 2>&1 ||
        broken "there is no nvcc of CUDA $parameter_cuda_version"
fi
