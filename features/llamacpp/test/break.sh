#!/bin/sh
# The library is gone, as after a volume that was mounted over it.
rm -rf "$(readlink /opt/llamacpp)"/lib/python3*/site-packages/xllamacpp
