# shellcheck shell=sh
# Files that are only touched when they are not yet what they should be.
#
# A service that read a file before it changed must be restarted, also when this script was killed
# between the two. So a change leaves a mark on disk first, for the unit that `changes_are_for`
# named, and `unit_on` takes it away after the restart.

PHOENIX_MARKS=/var/lib/phoenix/changed
phoenix_unit=

# changes_are_for UNIT: whom the changes that follow concern.
changes_are_for() { phoenix_unit=$1; }

# is_changed UNIT: whether something changed since it was last restarted.
is_changed() { [ -e "$PHOENIX_MARKS/$1" ]; }

phoenix_mark() {
    [ -n "$phoenix_unit" ] || return 0
    mkdir -p "$PHOENIX_MARKS"
    : >"$PHOENIX_MARKS/$phoenix_unit"
    sync "$PHOENIX_MARKS"
}

phoenix_unmark() { rm -f "$PHOENIX_MARKS/$1"; }

# phoenix_owned PATH MODE [OWNER[:GROUP]]: whether it has them already. Numbers are for users that
# exist in a Docker image only.
phoenix_owned() {
    phoenix_owner=${3:-root}
    case $phoenix_owner in *:*) ;; *) phoenix_owner=$phoenix_owner:$phoenix_owner ;; esac
    case $phoenix_owner in
        [0-9]*) phoenix_seen=$(stat -c '%a %u:%g' "$1" 2>/dev/null) ;;
        *) phoenix_seen=$(stat -c '%a %U:%G' "$1" 2>/dev/null) ;;
    esac
    [ "$phoenix_seen" = "${2#0} $phoenix_owner" ]
}

# put_file PATH MODE [OWNER[:GROUP]] <TEXT: the file has this text, mode and owner.
put_file() {
    phoenix_text=$(phoenix_scratch)/text
    (umask 077 && cat >"$phoenix_text")
    if phoenix_owned "$@" && [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$phoenix_text" "$1"; then
        return 0
    fi
    mkdir -p "${1%/*}"
    phoenix_new=${1%/*}/.${1##*/}.phoenix
    (umask 077 && cat "$phoenix_text" >"$phoenix_new")
    chown "$phoenix_owner" "$phoenix_new"
    chmod "$2" "$phoenix_new"
    sync "$phoenix_new"
    phoenix_mark
    mv -f "$phoenix_new" "$1"
    say "wrote $1"
}

# put_directory PATH MODE [OWNER[:GROUP]]: the directory is there. What is in it is left alone.
put_directory() {
    ! phoenix_owned "$@" || [ ! -d "$1" ] || return 0
    [ -d "$1" ] || say "made $1"
    mkdir -p "$1"
    chown "$phoenix_owner" "$1"
    chmod "$2" "$1"
}

# put_link TARGET PATH: a symbolic link.
put_link() {
    [ "$(readlink "$2" 2>/dev/null)" != "$1" ] || return 0
    phoenix_mark
    mkdir -p "${2%/*}"
    ln -sfn "$1" "$2"
    say "linked $2 to $1"
}

# no_file PATH: there is none.
no_file() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    phoenix_mark
    rm -f "$1"
    say "removed $1"
}

# is_sum SHA256 PATH: whether the file has this checksum.
is_sum() { printf '%s  %s\n' "$1" "$2" | sha256sum --check --status 2>/dev/null; }

# download URL SHA256 PATH: the file with this checksum, and never another one.
download() {
    case $2 in
        *[!0-9a-f]* | '') never "no checksum for $1: a download without one is refused" ;;
    esac
    [ ${#2} -eq 64 ] || never "the checksum of $1 is not a SHA-256: $2"
    is_sum "$2" "$3" && return 0
    if ! command -v curl >/dev/null; then packages ca-certificates curl; fi
    mkdir -p "${3%/*}"
    phoenix_status=$(curl --silent --show-error --fail --location --proto '=https' \
        --connect-timeout 20 --speed-limit 1000 --speed-time 60 --retry 3 \
        --write-out '%{http_code}' --output "$3.part" "$1") || {
        rm -f "$3.part"
        case $phoenix_status in
            404 | 410) never "$1 does not exist ($phoenix_status): mend the version" ;;
        esac
        again "cannot download $1 (HTTP $phoenix_status)"
    }
    if ! is_sum "$2" "$3.part"; then
        phoenix_sum=$(sha256sum "$3.part")
        rm -f "$3.part"
        never "$1 is not what was pinned: its SHA-256 is ${phoenix_sum%% *}, wanted $2"
    fi
    mv -f "$3.part" "$3"
    say "downloaded ${1##*/}"
}
