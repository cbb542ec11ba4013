#!/bin/sh
docker stop -t 1 open-webui >/dev/null
