#!/bin/sh
docker stop -t 1 qdrant >/dev/null
