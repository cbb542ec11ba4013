//! Guests of every sort there is.

use phoenix_domain::GuestSpec;
use phoenix_testkit::{guest, machine};

/// A guest, and those that must be there before it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) before: Vec<GuestSpec>,
    pub(crate) want: GuestSpec,
}

/// Returns a guest of every sort there is.
pub(crate) fn cases() -> Vec<Case> {
    let alone = |name, want| Case { name, before: Vec::new(), want };
    let sealed = guest(900).features(&["base_setup"]).seal("base").volume("old", "/old", 2);
    let template =
        guest(901).features(&["docker"]).application("base.sh").template().option("fuse", "1");
    let image = machine(800).features(&["docker"]).template();
    vec![
        alone("a plain container", guest(950).build()),
        alone(
            "a container with all there is",
            guest(951)
                .cores(4)
                .memory(4096)
                .nic("vmbr0")
                .disk(32)
                .gpus("0,1")
                .option("nesting", "1")
                .id_map(1000, 1000)
                .volume("data", "/data", 10)
                .directory("/srv/models", "/models")
                .features(&["base_setup", "nvidia", "vllm"])
                .application("vllm.sh")
                .model("qwen")
                .build(),
        ),
        alone("a privileged container", guest(952).privileged().build()),
        alone("a parent at rest", guest(902).features(&["docker"]).seal("base").build()),
        alone(
            "a parent that runs",
            guest(903).features(&["docker"]).application("a.sh").seal("base").at_boot().build(),
        ),
        alone("a template", template.clone().build()),
        Case {
            name: "a clone of a snapshot",
            before: vec![sealed.build()],
            want: guest(953).of(900).disk(8).features(&["base_setup", "qdrant"]).build(),
        },
        Case {
            name: "a clone of a template, itself a parent",
            before: vec![template.build()],
            want: guest(954).of(901).features(&["docker", "nginx"]).seal("mine").build(),
        },
        alone(
            "a machine",
            machine(850)
                .cores(2)
                .volume("data", "/data", 5)
                .features(&["docker"])
                .before_features("pre")
                .after_features("post")
                .build(),
        ),
        alone("a plain machine", machine(851).build()),
        alone(
            "a machine that is a parent",
            machine(801).features(&["docker"]).seal("base").build(),
        ),
        alone("a template of machines", image.clone().build()),
        Case {
            name: "a machine that is a clone",
            before: vec![image.build()],
            want: machine(852)
                .of(800)
                .disk(16)
                .memory(2048)
                .features(&["docker", "qdrant"])
                .build(),
        },
    ]
}
