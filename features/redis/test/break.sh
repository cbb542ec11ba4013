#!/bin/sh
# The process is there, takes connections, and says nothing.
kill -STOP "$(systemctl show --property MainPID --value redis-server.service)"
