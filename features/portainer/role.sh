# shellcheck shell=sh disable=SC2034,SC2154
# Which of the two Portainers this guest has: its parameter says it, else its `portainer_role`.
role=$parameter_role
[ -n "$role" ] || role=$(jq --raw-output '.body.container.portainer_role // empty' "$PHOENIX_SPEC")
