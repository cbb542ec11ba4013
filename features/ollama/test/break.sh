#!/bin/sh
# The process is there and does not answer.
kill -STOP "$(systemctl show --property MainPID --value ollama.service)"
