#!/bin/sh
# The routes of all guests come with the bundle, as nginx reads them. What is new is written beside
# what is there, nginx is asked about it with a copy of its main file, and one link changes over. So a
# mistake, also one in a site that somebody wrote by hand, costs the change and not the gateway.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    one_of tls "$parameter_tls" true false
    matches certificate "$parameter_certificate" '(/[A-Za-z0-9._/-]+)?'
    matches key "$parameter_key" '(/[A-Za-z0-9._/-]+)?'
    matches domain "$parameter_domain" '([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?'
}
[ -r "${PHOENIX_GATEWAY:-/nonexistent}/http.conf" ] ||
    never "no routes came with the feature: it takes a worker that knows the feature gateway"

main=/etc/nginx/nginx.conf
live=/etc/nginx/phoenix
shelf=/etc/nginx/phoenix.d
anchor='include /etc/nginx/conf.d/*.conf;'
grep -Fq "$anchor" "$main" || never "$main has no line '$anchor', behind which the routes are put: bring back the packaged one"

certificate='' key='' fingerprint=''
if [ "$parameter_tls" = true ]; then
    packages openssl
    changes_are_for nginx.service
    certificate=$parameter_certificate key=$parameter_key
    case $certificate:$key in
        :)
            # Key and certificate are in one file, so that they are changed together.
            certificate=/etc/nginx/phoenix.pem key=/etc/nginx/phoenix.pem
            # shellcheck disable=SC2153 # it is in the environment of every script
            names="DNS:$PHOENIX_NAME,DNS:localhost"
            [ -z "$parameter_domain" ] || names="$names,DNS:$parameter_domain,DNS:*.$parameter_domain"
            signed_for=$(openssl x509 -in "$certificate" -noout -ext subjectAltName 2>/dev/null | tail -n 1 | tr -d ' ') || :
            if [ "$signed_for" != "$names" ] || ! openssl x509 -in "$certificate" -noout -checkend 2592000 >/dev/null; then
                made=$(phoenix_scratch)/pem
                (
                    umask 077
                    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                        -days 3650 -subj "/CN=$PHOENIX_NAME" -addext "subjectAltName=$names" \
                        -keyout "$made.key" -out "$made.certificate" &&
                        cat "$made.key" "$made.certificate" >"$made"
                ) || again "openssl cannot make a certificate, as shown above"
                put_file "$certificate" 600 <"$made"
            fi
            ;;
        :* | *:) never "parameters certificate and key belong together: give both, or none" ;;
    esac
    for file in "$certificate" "$key"; do
        [ -r "$file" ] || never "there is no $file in the guest: put it there, or leave certificate and key out"
    done
    mine=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null) ||
        never "$certificate is no certificate in PEM"
    [ "$mine" = "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] ||
        never "the certificate $certificate is not for the key $key"
    fingerprint=$(sha256sum "$certificate")
fi

# What only the guest knows is put into the files here.
new=$(phoenix_scratch)/gateway
rm -rf "$new"
mkdir -p "$new"
without='' # IPv6 may be off in the kernel, and nginx would not start then
[ -e /proc/net/if_inet6 ] || without='/# ipv6/d'
[ "$parameter_tls" = true ] || without="$without
/# tls\$/d"
for file in http.conf stream.conf; do
    sed -e "$without" -e "s|@certificate@|$certificate|" -e "s|@key@|$key|" "$PHOENIX_GATEWAY/$file" >"$new/$file"
done
generation=$({ cat "$new/http.conf" "$new/stream.conf" && printf '%s\n' "$fingerprint"; } | sha256sum | cut -c 1-16)
sed -i "s|@generation@|$generation|" "$new/http.conf"
(cd "$new" && sha256sum http.conf stream.conf) >"$new/SHA256SUMS"
{
    sed -e '\|^[[:space:]]*include /etc/nginx/phoenix/|d' \
        -e 's|^\([[:space:]]*\)include /etc/nginx/conf\.d/\*\.conf;.*|&\n\1include /etc/nginx/phoenix/http.conf;|' "$main"
    echo 'include /etc/nginx/phoenix/stream.conf;'
} >"$new/nginx.conf"
! grep -q '^stream' "$new/stream.conf" || packages libnginx-mod-stream

target=$shelf/$generation
old=$(readlink "$live") || old=
# What is live already and was changed by hand is put right; the rest concerns nobody yet.
if [ "$old" = "$target" ]; then changes_are_for nginx.service; else changes_are_for ''; fi
put_directory "$shelf" 755
for file in http.conf stream.conf SHA256SUMS; do put_file "$target/$file" 644 <"$new/$file"; done

changes_are_for nginx.service
if [ "$old" != "$target" ] || ! cmp -s "$new/nginx.conf" "$main"; then
    # Beside the main file, so that names without a path lead to where they do from there.
    trial=/etc/nginx/.phoenix.conf
    trap 'rm -f "$trial"' EXIT
    sed "s|include $live/|include $target/|" "$new/nginx.conf" >"$trial"
    why=$(nginx -t -q -c "$trial" 2>&1) || {
        line=$(printf '%s\n' "$why" | grep -F '[emerg]' | tail -n 1 | sed "s|^nginx: ||; s|$trial|$main|")
        never "nginx refuses the new routes, and those before stay: ${line:-$why}"
    }
    rm -f "$trial"
    if [ "$old" != "$target" ]; then
        phoenix_mark
        ln -sfn "$target" "$live.new"
        mv -fT "$live.new" "$live"
        say "changed over to the routes of $generation"
    fi
    put_file "$main" 644 <"$new/nginx.conf"
fi
unit_on nginx.service reload

# nginx takes new files only when it can listen to all of their ports, and says nothing otherwise.
is_taken_over() { [ "$(ask_http 80 /phoenix/generation)" = "$generation" ]; }
until_true 10 is_taken_over || {
    line=$(tail -n 50 /var/log/nginx/error.log 2>/dev/null | grep -F '[emerg]' | grep -v 'still could not' | tail -n 1) || :
    if [ -n "$old" ] && [ "$old" != "$target" ]; then
        ln -sfn "$old" "$live.new"
        mv -fT "$live.new" "$live"
    fi
    again "nginx does not take the new routes over, and those before stay: ${line:-see journalctl -u nginx}"
}
for one in "$shelf"/*; do
    [ "$one" = "$target" ] || rm -rf "$one"
done
