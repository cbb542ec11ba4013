# shellcheck shell=sh
# Debian packages, asked for without a prompt, behind whoever holds the lock, and only when missing.

# os_release KEY: a value of /etc/os-release.
os_release() { (. /etc/os-release && eval "printf '%s\n' \"\${$1:-}\""); }

# is_installed NAME[=VERSION]
is_installed() {
    # shellcheck disable=SC2016 # the braces are dpkg's
    phoenix_state=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "${1%%=*}" 2>/dev/null) || return 1
    # Several architectures of one package are several lines.
    case $1 in
        *=*) printf '%s\n' "$phoenix_state" | grep -qxF "installed ${1#*=}" ;;
        *) printf '%s\n' "$phoenix_state" | grep -q '^installed ' ;;
    esac
}

# A mirror's name must be resolved and the network be up; fresh guests take a moment for both, and
# unattended-upgrades may hold the lock. So the lists are asked for twice; a longer wait is the worker's.
phoenix_apt() {
    DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1 \
        quietly apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 \
        -o APT::Update::Error-Mode=any -o APT::Keep-Downloaded-Packages=false \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

packages_list() {
    ! phoenix_apt update 2>/dev/null || return 0
    sleep 10
    phoenix_apt update || again "cannot read the lists of packages: see /etc/apt, the network and DNS"
}

# packages NAME[=VERSION]…: they are installed.
packages() {
    phoenix_missing=
    for phoenix_name; do
        case " $phoenix_missing " in *" $phoenix_name "*) continue ;; esac
        is_installed "$phoenix_name" || phoenix_missing="$phoenix_missing $phoenix_name"
    done
    [ -n "$phoenix_missing" ] || return 0
    # A power failure in the middle of dpkg leaves it like this, and then nothing can be installed.
    if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        DEBIAN_FRONTEND=noninteractive quietly dpkg --configure -a --force-confdef --force-confold ||
            again "dpkg was interrupted before, and cannot be brought to an end"
        say "finished what dpkg had begun"
    fi
    packages_list
    for phoenix_name in $phoenix_missing; do
        # Without a word on stdout apt knows neither the package nor one that provides it.
        phoenix_known=$(apt-cache show --no-all-versions "$phoenix_name" 2>/dev/null) || phoenix_known=
        [ -n "$phoenix_known" ] || [ -n "$(apt-cache showpkg "$phoenix_name" 2>/dev/null | sed -n '/^Reverse Provides:/,$p' | tail -n +2)" ] ||
            never "there is no package $phoenix_name for $(os_release PRETTY_NAME): mend the name or the version"
    done
    # shellcheck disable=SC2086 # a list of names
    phoenix_apt install --no-install-recommends --allow-downgrades --allow-change-held-packages \
        $phoenix_missing || again "cannot install$phoenix_missing"
    for phoenix_name in $phoenix_missing; do
        # shellcheck disable=SC2016 # the braces are dpkg's
        say "installed $(dpkg-query -W -f '${Package} ${Version}\n' "${phoenix_name%%=*}" 2>/dev/null | head -n 1 || true)"
    done
}

# newest NAME VERSION: the newest version on offer that begins with this one (`29.0` is neither
# 29.01 nor 129.0); an epoch in front does not count.
newest() {
    phoenix_versions=$(apt-cache madison "$1" | awk -F '|' '{ gsub(/ /, "", $2); print $2 }')
    for phoenix_version in $phoenix_versions; do
        case ${phoenix_version#*:} in
            "$2" | "$2"[!0-9]*) printf '%s\n' "$phoenix_version"; return 0 ;;
        esac
    done
    return 1
}

# phoenix_fingerprints KEYRING: of the keys in it, not of their subkeys.
phoenix_fingerprints() {
    gpg --homedir "$(phoenix_scratch)" --batch --with-colons --show-keys "$1" 2>/dev/null |
        awk -F: '$1 == "pub" { wanted = 1 } $1 == "fpr" && wanted { print $10; wanted = 0 }'
}

# apt_source NAME URI SUITE COMPONENTS KEY FINGERPRINT: a repository, believed when this key has
# signed its lists. KEY is an https address or a file that a signed package brought. A suite that
# ends with / takes no components: leave them empty.
apt_source() {
    packages ca-certificates gpg
    phoenix_keyring=/etc/apt/keyrings/$1.gpg
    if [ "$(phoenix_fingerprints "$phoenix_keyring")" != "$6" ]; then
        phoenix_key=$5
        case $5 in
            https://*)
                packages curl
                phoenix_key=$(phoenix_scratch)/key
                curl --silent --show-error --fail --location --proto '=https' --connect-timeout 20 \
                    --max-time 60 --retry 3 --output "$phoenix_key" "$5" || again "cannot download the key $5"
                ;;
        esac
        phoenix_seen=$(phoenix_fingerprints "$phoenix_key")
        [ "$phoenix_seen" = "$6" ] ||
            never "the key $5 has the fingerprint ${phoenix_seen:-of nothing}, wanted $6: nothing of this repository is believed"
        gpg --homedir "$(phoenix_scratch)" --batch --quiet --import "$phoenix_key" 2>/dev/null
        gpg --homedir "$(phoenix_scratch)" --batch --export "$6" | put_file "$phoenix_keyring" 644
    fi
    put_file "/etc/apt/sources.list.d/$1.sources" 644 <<END
Types: deb
URIs: $2
Suites: $3
${4:+Components: $4
}Architectures: $(dpkg --print-architecture)
Signed-By: $phoenix_keyring
END
}
