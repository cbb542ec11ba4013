# shellcheck shell=sh
# What every install.sh and check.sh begins with: the words for people, the guest's parameters and
# secrets, and the helpers beside this file. CONTRIBUTING.md has the rules they stand for.

say() { printf '%s\n' "$*"; }

# The three ways a script ends early. The last line on stderr is what the operator reads.
again() { printf '%s\n' "$*" >&2; exit 75; }
never() { printf '%s\n' "$*" >&2; exit 78; }
broken() { printf '%s\n' "$*" >&2; exit 1; }

[ -r "${PHOENIX_PARAMETERS:-}" ] || never "PHOENIX_PARAMETERS names no file: features are run by Phoenix, see features/CONTRIBUTING.md"
# shellcheck source=/dev/null
. "$PHOENIX_PARAMETERS"

# Scratch room inside the bundle, so that it goes away with it. A check needs none.
phoenix_scratch() {
    phoenix_tmp=${PHOENIX_LIB%/*}/tmp
    (umask 077 && mkdir -p "$phoenix_tmp")
    printf '%s\n' "$phoenix_tmp"
}

# has_feature NAME: whether the guest has it, listed or inherited.
has_feature() {
    case " ${PHOENIX_FEATURES:-} " in *" $1 "*) return 0 ;; esac
    return 1
}

# secret NAME: prints the path of a secret that was given. The value never becomes an argument.
secret() {
    [ -s "${PHOENIX_SECRETS:-/nonexistent}/$1" ] || return 1
    printf '%s\n' "$PHOENIX_SECRETS/$1"
}

# quietly COMMAND…: keeps what a talkative command says to itself, and shows the end of it when it
# fails.
quietly() {
    phoenix_log=$(phoenix_scratch)/log
    if "$@" >"$phoenix_log" 2>&1; then return 0; else phoenix_code=$?; fi
    tail -n 20 "$phoenix_log" >&2
    return "$phoenix_code"
}

# one_of NAME VALUE CHOICE…: refuses a parameter that is none of these.
one_of() {
    phoenix_name=$1 phoenix_value=$2
    shift 2
    for phoenix_choice; do
        [ "$phoenix_value" != "$phoenix_choice" ] || return 0
    done
    never "parameter $phoenix_name is '$phoenix_value': write one of $*"
}

# matches NAME VALUE PATTERN: refuses a parameter with anything in it that a config file could
# take for something else. The pattern is an extended regular expression for the whole value.
matches() {
    case $2 in *"
"*) never "parameter $1 has a line break" ;; esac
    printf '%s\n' "$2" | grep -Eqx -- "$3" || never "parameter $1 is '$2': it has to match $3"
}

# shellcheck source=files.sh
. "$PHOENIX_LIB/files.sh"
# shellcheck source=packages.sh
. "$PHOENIX_LIB/packages.sh"
# shellcheck source=units.sh
. "$PHOENIX_LIB/units.sh"
# shellcheck source=http.sh
. "$PHOENIX_LIB/http.sh"
# shellcheck source=docker.sh
. "$PHOENIX_LIB/docker.sh"
