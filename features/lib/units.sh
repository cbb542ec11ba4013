# shellcheck shell=sh
# systemd units: running, started with the guest, and restarted once when something changed.

needs_systemd() {
    [ -d /run/systemd/system ] ||
        never "this guest does not run systemd, and the feature brings a service: use a template with systemd"
}

# unit_on UNIT [reload]: it is enabled and runs what is on disk.
unit_on() {
    needs_systemd
    case $(systemctl show --property NeedDaemonReload "$1") in
        *=yes) systemctl daemon-reload ;;
    esac
    if ! systemctl is-enabled --quiet "$1" 2>/dev/null; then
        quietly systemctl enable "$1" || again "cannot enable $1"
        say "enabled $1"
    fi
    if ! systemctl is-active --quiet "$1"; then
        # Started too often, it would refuse until somebody says that it is another one now.
        systemctl reset-failed "$1" 2>/dev/null || :
        phoenix_verb=start
    elif is_changed "$1"; then
        phoenix_verb=${2:-restart}
    else
        return 0
    fi
    quietly systemctl "$phoenix_verb" "$1" || {
        phoenix_journal "$1"
        again "cannot $phoenix_verb $1: its last lines are above"
    }
    phoenix_unmark "$1"
    say "${phoenix_verb}ed $1"
}

phoenix_journal() { journalctl --unit "$1" --lines 20 --no-pager --output cat >&2 2>/dev/null || :; }

# until_true SECONDS COMMAND…: waits for what needs a moment.
until_true() {
    phoenix_end=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$phoenix_end" ] || return 1
        sleep 0.5
    done
}

# unit_answers UNIT SECONDS COMMAND…: the command succeeds within this time. A unit that is active and
# hangs is restarted once, because systemd does not see that.
unit_answers() {
    phoenix_asked=$1 phoenix_seconds=$2
    shift 2
    ! until_true "$phoenix_seconds" "$@" || return 0
    quietly systemctl restart "$phoenix_asked" || :
    say "restarted $phoenix_asked: it did not answer"
    until_true "$phoenix_seconds" "$@" || {
        phoenix_journal "$phoenix_asked"
        again "$phoenix_asked does not answer: its last lines are above"
    }
}

# For check.sh: check_unit UNIT
check_unit() {
    systemctl is-active --quiet "$1" ||
        broken "$1 is $(systemctl is-active "$1" 2>/dev/null || :): journalctl -u $1"
}
