#!/bin/sh
# The unit that serves the guest's model, written anew out of the spec each time. vLLM ends with 0 when
# its engine dies, so it is started again however it ended.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # what is served comes from the spec
{
    matches serve_port "$serve_port" '[1-9][0-9]{0,4}'
    matches start_timeout "$parameter_start_timeout" '[1-9][0-9]*'
    one_of serve_type "$serve_type" '' chat embedding
}

# A word of a command line, as systemd reads it: % is a specifier, $ a variable, \ an escape.
word() { printf ' "%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/%/%%/g; s/\$/$$/g')"; }
# A text in JSON.
json() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# shellcheck disable=SC2154
command=$(
    printf '%s/bin/vllm serve' "$parameter_environment"
    word "$serve_model"
    printf ' --host 0.0.0.0 --port %s --served-model-name' "$serve_port"
    word "$serve_name"
    printf '%s\n' "$serve_arguments" | while IFS= read -r argument; do
        [ -z "$argument" ] || word "$argument"
    done
)

changes_are_for vllm.service
if token=$(secret hf_token); then
    put_directory /etc/vllm 700
    tr -d '\n' <"$token" | put_file /etc/vllm/hf_token 600
fi
credential=
if [ -f /etc/vllm/hf_token ]; then
    # As a file that this service alone can read; a variable would stand in its environment.
    credential='LoadCredential=hf_token:/etc/vllm/hf_token
Environment=HF_TOKEN_PATH=%d/hf_token'
fi
# shellcheck disable=SC2154
put_file /etc/systemd/system/vllm.service 644 <<END
# Written by Phoenix, from the model that the guest is to serve.
[Unit]
Description=vLLM
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=$command
User=vllm
WorkingDirectory=/var/lib/vllm
Environment=HF_HOME=$parameter_models_dir
Environment=VLLM_NO_USAGE_STATS=1
$credential
Restart=always
RestartSec=5
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
Alias=vllm_model_server.service
END
unit_on vllm.service

# Loading a model takes minutes, which is no reason to wait for one that dies again and again.
end=$(($(date +%s) + parameter_start_timeout)) told=$(date +%s)
until ask_http "$serve_port" /health >/dev/null 2>&1; do
    if [ "$(systemctl show --property NRestarts --value vllm.service)" -ge 3 ]; then
        phoenix_journal vllm.service
        again "vLLM ends again and again while it loads $serve_model: its last lines are above"
    fi
    now=$(date +%s)
    if [ "$now" -ge "$end" ]; then
        phoenix_journal vllm.service
        again "vLLM has not loaded $serve_model within $parameter_start_timeout s: its last lines are above; start_timeout is how long it may take"
    fi
    if [ $((now - told)) -ge 30 ]; then
        say "loading: $(journalctl --unit vllm.service --lines 1 --no-pager --output cat 2>/dev/null || :)"
        told=$now
    fi
    sleep 1
done

# That it answers does not mean that it computes.
case $serve_type in
    embedding)
        printf '{"model": %s, "input": "hello"}' "$(json "$serve_name")" |
            post_http "$serve_port" /v1/embeddings 120 >/dev/null ;;
    *)
        printf '{"model": %s, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]}' \
            "$(json "$serve_name")" | post_http "$serve_port" /v1/chat/completions 120 >/dev/null ;;
esac || again "vLLM has loaded $serve_model, and does not compute: journalctl -u vllm"
say "$serve_name is served on port $serve_port"
