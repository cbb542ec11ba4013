# shellcheck shell=sh disable=SC2034,SC2154
# Says how the job is whose digest is told.
read -r want || exit 1
state
say
