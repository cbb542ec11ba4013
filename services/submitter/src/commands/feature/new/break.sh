#!/bin/sh
# Breaks it in a way that happens to people, so that check.sh has something to find.
rm -f /etc/@name@.conf
