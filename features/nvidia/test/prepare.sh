#!/bin/sh
# Run in the guest before the installation, with the stand-ins in PATH. What it prints are the
# parameters and the variables that differ from the ordinary, as NAME=VALUE.
set -eu
version=570.0.1
sum=$(nvidia-installer "$version" | sha256sum)
echo "parameter_driver_sha256=${sum%% *}"
echo "parameter_cuda_toolkit=false"
echo "PHOENIX_HOST_DRIVER=$version"
echo "PHOENIX_GPUS=0 1"
