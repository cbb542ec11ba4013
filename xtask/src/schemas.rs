//! `cargo xtask schemas`: the JSON Schemas editors read, written from the types.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::Program;
use crate::say::say;
use crate::workspace::{Profile, Workspace};

/// What `phoenix schema` is asked for, and the file its answer is kept in.
const SCHEMAS: [(&str, &str); 6] = [
    ("lxc", "phoenix_lxc_configs.schema.json"),
    ("vm", "phoenix_vm_configs.schema.json"),
    ("hypervisor", "phoenix_hypervisor_config.schema.json"),
    ("inventory", "phoenix_inventory.schema.json"),
    ("feature", "feature.schema.json"),
    ("channels", "channels.schema.json"),
];

const FOLDER: &str = "schemas";

#[derive(Args)]
pub(crate) struct Schemas {
    /// Change nothing; fail when a file is not what the types say
    #[arg(long)]
    pub(crate) check: bool,
}

impl Schemas {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let phoenix = workspace.phoenix(Profile::Dev)?;
        let mut stale = Vec::new();
        for (kind, name) in SCHEMAS {
            let path = Path::new(FOLDER).join(name);
            let new = Program::new(&phoenix).args(["schema", kind]).read()?;
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&new)
                .with_context(|| format!("`phoenix schema {kind}` printed no schema"))?;
            if fs::read(&path).is_ok_and(|old| old == new) {
                continue;
            }
            if self.check {
                stale.push(path.display().to_string());
            } else {
                fs::create_dir_all(FOLDER).with_context(|| format!("cannot create {FOLDER}/"))?;
                fs::write(&path, new)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                say(format_args!("written: {}", path.display()));
            }
        }
        if !stale.is_empty() {
            bail!(
                "not what the types say: {}; `cargo xtask schemas` writes them",
                stale.join(", ")
            );
        }
        Ok(())
    }
}
