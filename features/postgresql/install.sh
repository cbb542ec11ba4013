#!/bin/sh
# PostgreSQL with one database and its owner. Whoever comes over the network shows a password; without
# one in the guest's secrets nobody comes over the network at all.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches version "$parameter_version" '([1-9][0-9])?'
    matches database "$parameter_database" '[a-z_][a-z0-9_]{0,62}'
    matches user "$parameter_user" '[a-z_][a-z0-9_]{0,62}'
    matches shared_buffers_mb "$parameter_shared_buffers_mb" '[0-9]{1,7}'
    printf '%s\n' "$parameter_listen_addresses" | while read -r address; do
        matches listen_addresses "$address" '\*|[0-9A-Za-z.:-]+'
    done
    printf '%s\n' "$parameter_allowed_networks" | while read -r network; do
        matches allowed_networks "$network" '[0-9A-Za-z.:/-]*'
    done
    [ "$parameter_user" != postgres ] || never "parameter user is postgres, the administrator: write another name"
}

# The first thing of all, because the packages make a new, empty cluster beside an old one.
version=$parameter_version
if [ -z "$version" ]; then
    is_installed postgresql || packages_list
    version=$(apt-cache show --no-all-versions postgresql | sed -n 's/^Depends:.*postgresql-\([0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || again "apt does not know which PostgreSQL this distribution has"
fi
for other in /var/lib/postgresql/*/main; do
    if [ ! -d "$other" ] || [ "$other" = "/var/lib/postgresql/$version/main" ]; then continue; fi
    never "$other holds data of another version than the wanted $version: set version to that one, or run pg_upgradecluster in the guest"
done

packages postgresql-common
if ! is_installed "postgresql-$version" && [ -z "$(apt-cache show "postgresql-$version" 2>/dev/null)" ]; then
    apt_source pgdg https://apt.postgresql.org/pub/repos/apt "$(os_release VERSION_CODENAME)-pgdg" main \
        https://www.postgresql.org/media/keys/ACCC4CF8.asc B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8
fi
# The packages would make a cluster in the guest's locale. Another guest that takes the volume over may
# not have it, and the order of such a locale changes with libc, which spoils indexes.
put_file /etc/postgresql-common/createcluster.d/phoenix.conf 644 <<END
# Written by Phoenix: the feature postgresql makes the cluster itself.
create_main_cluster = false
END
packages "postgresql-$version"

unit=postgresql@$version-main.service
settings=/etc/postgresql/$version/main
data=/var/lib/postgresql/$version/main
# A volume of a guest that was built anew brings the files of the user of that time, and no settings.
if [ -d "$data" ] && [ "$(stat -c %U "$data")" != postgres ]; then
    systemctl stop "$unit"
    chown -R postgres:postgres /var/lib/postgresql
    say "gave /var/lib/postgresql to postgres"
fi
# The data that are there are not touched: the cluster is made beside them, and then told of them.
beside=/var/lib/postgresql/$version/beside
if [ ! -e "$settings/postgresql.conf" ]; then
    rm -rf "$beside"
    quietly pg_createcluster --locale C.UTF-8 --datadir "$beside" "$version" main ||
        again "cannot make a cluster of PostgreSQL $version"
    say "made the cluster $version/main"
fi
if [ "$(pg_conftool -s "$version" main show data_directory)" != "$data" ]; then
    if [ -d "$data" ]; then say "took over the data in $data"; else mv "$beside" "$data"; fi
    pg_conftool "$version" main set data_directory "$data"
    rm -rf "$beside"
fi
put_directory "$settings/conf.d" 755 postgres

# shellcheck disable=SC2154
buffers=$parameter_shared_buffers_mb
if [ "$buffers" -eq 0 ]; then
    # In a container /proc/meminfo may show what the host has.
    memory=$(sed -n 's/.*"memory": *\([0-9][0-9]*\).*/\1/p' "$PHOENIX_SPEC" | head -n 1)
    buffers=$((${memory:-512} / 4))
fi
addresses=localhost
networks=
if secret postgresql_password >/dev/null; then
    addresses=$(printf '%s\n' "$parameter_listen_addresses" | paste -s -d ,)
    networks=$parameter_allowed_networks
fi

changes_are_for "$unit"
put_file "$settings/conf.d/phoenix.conf" 644 postgres <<END
# Written by Phoenix, from the parameters of the feature postgresql.
listen_addresses = '$addresses'
password_encryption = scram-sha-256
shared_buffers = ${buffers}MB
END
{
    sed '/^# phoenix: begin/,/^# phoenix: end/d' "$settings/pg_hba.conf"
    echo '# phoenix: begin'
    for network in $networks; do
        printf 'host all all %s scram-sha-256\n' "$network"
    done
    echo '# phoenix: end'
} | put_file "$settings/pg_hba.conf" 640 postgres

is_ready() { (cd / && runuser -u postgres -- pg_isready --quiet --timeout 4); }
unit_on "$unit"
unit_answers "$unit" 60 is_ready

# The superuser of the cluster, by the socket, who has no password.
ask() { (cd / && timeout 30 runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1); }

# Names are checked above, so they need no quotes but these.
if [ -z "$(echo "select 1 from pg_roles where rolname = '$parameter_user'" | ask)" ]; then
    echo "create role \"$parameter_user\" login" | ask
    say "made the user $parameter_user"
fi
owner=$(echo "select pg_get_userbyid(datdba) from pg_database where datname = '$parameter_database'" | ask)
if [ -z "$owner" ]; then
    echo "create database \"$parameter_database\" owner \"$parameter_user\"" | ask
    say "made the database $parameter_database"
elif [ "$owner" != "$parameter_user" ]; then
    echo "alter database \"$parameter_database\" owner to \"$parameter_user\"" | ask
    say "gave the database $parameter_database to $parameter_user"
fi
if password=$(secret postgresql_password); then
    stored=$(echo "select coalesce(rolpassword, '') from pg_authid where rolname = '$parameter_user'" | ask)
    wanted=$({
        printf '%s\n' "$stored"
        cat "$password"
    } | perl ./scram.pl) || never "the secret postgresql_password is empty or has letters beyond ASCII"
    if [ "$wanted" != "$stored" ]; then
        # What the server is told, and may log, is what it would store itself.
        echo "alter role \"$parameter_user\" password '$wanted'" | ask
        say "set the password of $parameter_user"
    fi
fi
