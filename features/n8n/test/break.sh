#!/bin/sh
docker stop -t 1 n8n >/dev/null
