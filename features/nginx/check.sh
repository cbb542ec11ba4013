#!/bin/sh
# systemd looks at the master; orphaned or hanging workers only show when one asks. Without a site
# nothing listens, and that is right; a site that answers 404 or 502 is not nginx's fault.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_unit nginx.service
why=$(nginx -t -q 2>&1) || broken "nginx refuses its configuration: $(printf '%s\n' "$why" | head -n 1)"
ask_http 80 / >/dev/null 2>&1 || [ $? -ne 2 ] || broken "nginx takes connections on port 80 and does not answer"
