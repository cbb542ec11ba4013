//! The files that the config names are those that are read.

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Place};
use crate::scene::Scene;

static CODE: Code = code!("0910", Warning, "another file is named than is read");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(paths) = &scene.hypervisor.core_paths else { return };
    for (key, path, file) in [
        ("lxc_config_file", paths.lxc_config_file.as_deref(), File::Lxc),
        ("vm_config_file", paths.vm_config_file.as_deref(), File::Vm),
    ] {
        let Some(path) = path.filter(|path| !path.is_empty()) else { continue };
        // Where the files are is for `--config` to say; only their names are fixed.
        if path.rsplit('/').next() == Some(file.name()) {
            continue;
        }
        let message = format!("`{key}` names `{path}`, but `{}` is read", file.name());
        findings.add(
            Finding::new(&CODE, Place::of_host("core_paths").key(key), message)
                .label("has no effect")
                .help(format!(
                    "give the file the name `{}`, beside this one, or remove `{key}`",
                    file.name()
                )),
        );
    }
}
