//! What the library of these tests brings into guests: stubs that note that they were there.

use phoenix_testkit::pve::PveNode;

/// Puts a stub for each feature of the real library beside the node, with the programs that health
/// checks start.
pub(crate) fn features(pve: &PveNode) {
    for feature in [
        "docker",
        "llamacpp",
        "n8n",
        "node_exporter",
        "nvidia",
        "ollama",
        "open_webui",
        "portainer",
        "postgresql",
        "python_api_service",
        "qdrant",
        "redis",
        "vllm",
    ] {
        pve.feature(feature);
    }
    pve.write(
        "features",
        "vllm/serve.sh",
        "#!/bin/sh\nset -eu\n. \"$PHOENIX_PARAMETERS\"\necho \"$serve_model\" >> /opt/served\n",
    );
    pve.feature_with("base_setup", &["curl"]);
    pve.feature_with("nginx", &["nginx"]);
}

/// Puts a script into the library that notes for whom it ran.
pub(crate) fn script(pve: &PveNode, name: &str) {
    pve.script(
        name,
        "#!/bin/sh\nset -eu\nmkdir -p /opt\necho \"$PHOENIX_GUEST\" > /opt/application\n",
    );
}
