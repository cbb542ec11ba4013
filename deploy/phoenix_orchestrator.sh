#!/bin/sh
# The command line of before there was `phoenix`. It does what it did, and says what to type instead.
exec phoenix orchestrator "$@"
