#!/bin/sh
# nginx is asked which routes it goes by: a reload that was refused, or was forgotten, is seen by
# nothing else. A guest that does not answer behind it is not the gateway's fault.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

live=/etc/nginx/phoenix
check_unit nginx.service
check_http 80 /phoenix/health "the gateway"
target=$(readlink "$live") || broken "$live is gone: install the feature again"
(cd "$target" 2>/dev/null && sha256sum --check --status SHA256SUMS 2>/dev/null) ||
    broken "somebody has changed the routes in $live: install the feature again; a site of one's own belongs into /etc/nginx/conf.d"
said=$(ask_http 80 /phoenix/generation 2>/dev/null) || said=
[ "$said" = "${target##*/}" ] || broken "nginx goes by other routes than are in $live: systemctl reload nginx"
why=$(nginx -t -q 2>&1) ||
    broken "nginx would refuse its configuration at the next start: $(printf '%s\n' "$why" | grep -F '[emerg]' | tail -n 1)"

of() { sed -n "s/^ *$1 \(.*\); # tls\$/\1/p" "$live/http.conf" | head -n 1; }
certificate=$(of ssl_certificate)
[ -n "$certificate" ] || exit 0
key=$(of ssl_certificate_key)
mine=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null) || broken "$certificate is no certificate in PEM"
[ "$mine" = "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] || broken "the certificate $certificate is not for the key $key"
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || broken "the certificate $certificate has expired"
