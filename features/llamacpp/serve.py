"""Serves one GGUF model over HTTP with the server of llama.cpp, as the unit's environment says."""

import os
import signal

import xllamacpp

params = xllamacpp.CommonParams()
model = os.environ["LLAMACPP_MODEL"]
if model.startswith("/"):
    params.model.path = model
else:
    params.model.hf_repo = model
    # systemd hands it over as a file that only this service can read.
    token = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"), "hf_token")
    if os.path.exists(token):
        with open(token, encoding="utf-8") as file:
            params.hf_token = file.read().strip()
if hasattr(params, "hostnames"):
    params.hostnames = ["0.0.0.0"]
else:
    params.hostname = "0.0.0.0"
params.port = 8081
params.n_ctx = int(os.environ["LLAMACPP_CONTEXT"])
params.n_gpu_layers = int(os.environ["LLAMACPP_GPU_LAYERS"])
# Requests that wait hold a thread each, and /health needs one too.
params.n_threads_http = 32
params.endpoint_metrics = True

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = xllamacpp.Server(params)
print(f"serving {model} at {server.listening_address}", flush=True)
while True:
    signal.pause()
