//! Every key that these files ever had, in every generation of them, and what becomes of it.

#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

use std::path::Path;

use phoenix_config::{Code, Folder, Input, Library, Loaded, load};

fn loaded() -> Loaded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/every_key");
    let library = Library::built_in().unwrap();
    load(&Input { folder: &Folder::new(folder), inventory: None, library: &library })
}

#[test]
fn no_key_that_ever_was_is_unknown() {
    let loaded = loaded();

    assert_eq!(loaded.guests, 5);
    for name in ["PHX0006", "PHX0008", "PHX0801", "PHX0803"] {
        let code = Code::find(name).expect("there is such a code");
        let found = loaded.findings.iter().filter(|finding| finding.code == code);
        let found: Vec<_> = found.map(|finding| &finding.message).collect();
        assert!(found.is_empty(), "{code}: {found:#?}");
    }
}

#[test]
fn what_has_no_effect_is_told_in_few_findings_and_in_full() {
    let loaded = loaded();
    let code = Code::find("PHX0802").expect("there is such a code");

    let found: Vec<_> = loaded.findings.iter().filter(|finding| finding.code == code).collect();

    assert!(found.len() <= 9, "one a file and reason, and there are {}", found.len());
    let help: Vec<_> = found.iter().flat_map(|finding| &finding.help).collect();
    for key in [
        "core_paths.hf_token_file",
        "zfs.datasets.[].storage_class",
        "shared_volumes.*.owner",
        "proxmox_defaults",
        "static_ip",
        "vllm_shm_size",
        "swarm_role",
        "vm_defaults.template",
    ] {
        let key = format!("`{key}`");
        assert!(help.iter().any(|help| help.starts_with(&key)), "{key} is not in {help:#?}");
    }
}
