#!/bin/sh
# Somebody thought that this package was not needed.
apt-get -qq -y purge python3-venv 'python3.*-venv' >/dev/null 2>&1
