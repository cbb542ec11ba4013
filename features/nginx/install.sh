#!/bin/sh
# The web server without a site: whoever uses it puts files into sites-enabled or conf.d, and
# reloads. Changes here are reloaded too, so that no connection is lost.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
matches worker_connections "$parameter_worker_connections" '[1-9][0-9]{0,6}'

# shellcheck disable=SC2154
case $parameter_stream in
    true) packages nginx libnginx-mod-stream ;;
    *) packages nginx ;;
esac

changes_are_for nginx.service
# shellcheck disable=SC2154
case $parameter_default_site in
    true) put_link /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default ;;
    *) no_file /etc/nginx/sites-enabled/default ;;
esac
grep -Eq '^[[:space:]]*worker_connections[[:space:]]' /etc/nginx/nginx.conf ||
    never "/etc/nginx/nginx.conf has no line worker_connections in its events: bring back the packaged one"
sed -E "s/^([[:space:]]*)worker_connections[[:space:]].*/\1worker_connections $parameter_worker_connections;/" \
    /etc/nginx/nginx.conf | put_file /etc/nginx/nginx.conf 644

# Reloading with a mistake would only be a line in a log.
quietly nginx -t -q || never "nginx refuses its configuration, as shown above: mend it in the guest"
unit_on nginx.service reload
