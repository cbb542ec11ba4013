#!/bin/sh
# Run in the guest before the installation, with the stand-ins in PATH. What it prints are the
# parameters and the variables that differ from the ordinary, as NAME=VALUE.
echo "parameter_role=agent"
