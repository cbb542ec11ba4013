#!/bin/sh
# Run in the guest before the installation, with the stand-ins in PATH. Docker's packages bring a daemon
# that runs at once: in its place is one that only stands there.
set -eu
cat >/etc/systemd/system/docker.service <<'END'
[Unit]
Description=Stands in for the Docker daemon

[Service]
ExecStart=/usr/bin/sleep infinity

[Install]
WantedBy=multi-user.target
END
cat >/etc/systemd/system/docker.socket <<'END'
[Unit]
Description=Stands in for the socket of the Docker daemon

[Socket]
ListenStream=/run/docker-stand-in.sock
END
systemctl daemon-reload
systemctl start docker.service
