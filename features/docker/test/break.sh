#!/bin/sh
# The socket would start it again.
systemctl stop docker.socket docker.service
