//! `cargo xtask schemas`: the JSON Schemas that editors read, and those of the events that others read,
//! written from the types.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Map, Value};

use crate::process::Program;
use crate::say::say;
use crate::workspace::{Profile, Workspace};

/// What `phoenix schema` is asked for, and the file its answer is kept in.
const SCHEMAS: [(&str, &str); 7] = [
    ("lxc", "phoenix_lxc_configs.schema.json"),
    ("vm", "phoenix_vm_configs.schema.json"),
    ("hypervisor", "phoenix_hypervisor_config.schema.json"),
    ("inventory", "phoenix_inventory.schema.json"),
    ("feature", "feature.schema.json"),
    ("channels", "channels.schema.json"),
    ("webhooks", "webhooks.schema.json"),
];

const FOLDER: &str = "schemas";

/// Where the schemas of events are kept, each under its type.
const EVENTS: &str = "schemas/events";

#[derive(Args)]
pub(crate) struct Schemas {
    /// Change nothing; fail when a file is not what the types say
    #[arg(long)]
    pub(crate) check: bool,
}

impl Schemas {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let mut wanted = of_files(workspace)?;
        wanted.extend(of_events(workspace)?);
        let mut stale = Vec::new();
        for path in of_no_event(&wanted)? {
            if self.check {
                stale.push(path.display().to_string());
            } else {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
                say(format_args!("removed: {}", path.display()));
            }
        }
        for (path, new) in wanted {
            if fs::read(&path).is_ok_and(|old| old == new) {
                continue;
            }
            if self.check {
                stale.push(path.display().to_string());
            } else {
                fs::create_dir_all(EVENTS).with_context(|| format!("cannot create {EVENTS}/"))?;
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

/// The schemas of what people write, as `phoenix` itself prints them.
fn of_files(workspace: &Workspace) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let phoenix = workspace.phoenix(Profile::Dev)?;
    let read = |(kind, name)| {
        let schema = Program::new(&phoenix).args(["schema", kind]).read()?;
        serde_json::from_slice::<Map<String, Value>>(&schema)
            .with_context(|| format!("`phoenix schema {kind}` printed no schema"))?;
        Ok((Path::new(FOLDER).join(name), schema))
    };
    SCHEMAS.into_iter().map(read).collect()
}

/// The schemas of what is told on the bus, as the types have them.
fn of_events(workspace: &Workspace) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let printed = workspace
        .cargo(&["run", "--quiet", "--package", "phoenix-domain"])
        .args(["--features", "schema", "--bin", "event-schemas"])
        .read()?;
    let schemas: Map<String, Value> =
        serde_json::from_slice(&printed).context("`event-schemas` printed no schemas")?;
    let write = |(kind, schema): (String, Value)| {
        Ok((Path::new(EVENTS).join(format!("{kind}.json")), format!("{schema:#}\n").into_bytes()))
    };
    schemas.into_iter().map(write).collect()
}

/// The files in the place of schemas of events that are none, or those of a type there is no more.
fn of_no_event(wanted: &BTreeMap<PathBuf, Vec<u8>>) -> Result<Vec<PathBuf>> {
    if !Path::new(EVENTS).exists() {
        return Ok(Vec::new());
    }
    let listed = fs::read_dir(EVENTS).with_context(|| format!("cannot read {EVENTS}/"))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.with_context(|| format!("cannot read {EVENTS}/"))?.path();
        if !wanted.contains_key(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}
