# shellcheck shell=sh
# One Docker container that is as it should be. It is made again only when its image or its options
# changed, and the old one is there until the new one runs.

phoenix_label() { docker inspect --format '{{index .Config.Labels "phoenix.wanted"}}' "$1" 2>/dev/null; }
phoenix_runs() { [ "$(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }
phoenix_exists() { docker inspect --format '{{.Id}}' "$1" >/dev/null 2>&1; }

needs_docker() {
    command -v docker >/dev/null || never "this guest has no Docker: put docker in front of this feature"
    quietly docker info || again "the Docker daemon does not answer"
}

phoenix_pull() {
    docker image inspect --format '{{.Id}}' "$1" >/dev/null 2>&1 && return 0
    if phoenix_said=$(docker pull --quiet "$1" 2>&1); then
        say "pulled $1"
        return 0
    fi
    case $phoenix_said in
        *'not found'* | *'manifest unknown'* | *'invalid reference'*)
            never "there is no image $1: mend the version" ;;
    esac
    again "cannot pull $1: $(printf '%s\n' "$phoenix_said" | tail -n 1)"
}

# docker_container NAME IMAGE OPTION… [-- ARGUMENT…]: it runs, with these options and arguments. What
# `changes_are_for NAME` marked restarts it.
docker_container() {
    phoenix_container=$1 phoenix_image=$2
    shift 2
    phoenix_wanted=$(printf '%s\n' "$phoenix_image" "$@" | sha256sum)
    phoenix_wanted=${phoenix_wanted%% *}

    # Left by a run that was killed: a half made one goes, the old one comes back if there is no other.
    if phoenix_exists "$phoenix_container.new"; then
        docker rm --force "$phoenix_container.new" >/dev/null
    fi
    if phoenix_exists "$phoenix_container.old"; then
        if phoenix_exists "$phoenix_container"; then
            docker rm --force "$phoenix_container.old" >/dev/null
        else
            docker rename "$phoenix_container.old" "$phoenix_container"
        fi
    fi

    if phoenix_exists "$phoenix_container"; then
        case $(phoenix_label "$phoenix_container") in
            "$phoenix_wanted") phoenix_current; return 0 ;;
            '' | '<no value>')
                never "there is a Docker container $phoenix_container that Phoenix did not make: remove or rename it" ;;
        esac
    fi

    phoenix_pull "$phoenix_image"
    # The options end at --, what follows is for the image.
    phoenix_count=$# phoenix_seen_end=
    set -- "$@" --name "$phoenix_container.new" --label "phoenix.wanted=$phoenix_wanted" --restart unless-stopped
    while [ "$phoenix_count" -gt 0 ]; do
        phoenix_word=$1
        shift
        phoenix_count=$((phoenix_count - 1))
        if [ -z "$phoenix_seen_end" ] && [ "$phoenix_word" = -- ]; then
            phoenix_seen_end=yes
            set -- "$@" "$phoenix_image"
        else
            set -- "$@" "$phoenix_word"
        fi
    done
    [ -n "$phoenix_seen_end" ] || set -- "$@" "$phoenix_image"
    quietly docker create "$@" || never "Docker makes no container $phoenix_container of these options, as shown above"

    if phoenix_exists "$phoenix_container"; then
        docker stop -t 30 "$phoenix_container" >/dev/null
        docker rename "$phoenix_container" "$phoenix_container.old"
    fi
    docker rename "$phoenix_container.new" "$phoenix_container"
    if ! quietly docker start "$phoenix_container"; then
        docker rm --force "$phoenix_container" >/dev/null
        if phoenix_exists "$phoenix_container.old"; then
            docker rename "$phoenix_container.old" "$phoenix_container"
            docker start "$phoenix_container" >/dev/null || :
        fi
        again "the Docker container $phoenix_container does not start, as shown above"
    fi
    if phoenix_exists "$phoenix_container.old"; then docker rm --force "$phoenix_container.old" >/dev/null; fi
    phoenix_unmark "$phoenix_container"
    say "made the Docker container $phoenix_container of $phoenix_image"
}

phoenix_current() {
    if ! phoenix_runs "$phoenix_container"; then
        quietly docker start "$phoenix_container" || again "the Docker container $phoenix_container does not start"
        phoenix_unmark "$phoenix_container"
        say "started $phoenix_container"
    elif is_changed "$phoenix_container"; then
        quietly docker restart -t 30 "$phoenix_container" || again "the Docker container $phoenix_container does not restart"
        phoenix_unmark "$phoenix_container"
        say "restarted $phoenix_container"
    fi
}

# container_answers NAME SECONDS COMMAND…: the command succeeds within this time.
container_answers() {
    phoenix_asked=$1 phoenix_seconds=$2
    shift 2
    until_true "$phoenix_seconds" "$@" || {
        docker logs --tail 20 "$phoenix_asked" >&2 2>&1 || :
        again "$phoenix_asked does not answer: its last lines are above"
    }
}

# For check.sh.
check_container() {
    command -v docker >/dev/null || broken "this guest has no Docker"
    phoenix_exists "$1" || broken "there is no Docker container $1: install the feature again"
    phoenix_runs "$1" || broken "the Docker container $1 does not run: docker logs $1"
}
