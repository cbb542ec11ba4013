#!/bin/sh
# Somebody adds a line to what is generated, as people do.
echo '# by hand' >>/etc/nginx/phoenix/http.conf
