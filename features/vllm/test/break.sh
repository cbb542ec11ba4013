#!/bin/sh
# The environment lost its package, as when somebody tried another version in it.
rm -rf "$(readlink -f /opt/vllm)"/lib/python3*/site-packages/vllm-*.dist-info
