#!/bin/sh
docker stop -t 1 portainer >/dev/null 2>&1 || docker stop -t 1 portainer-agent >/dev/null
