//! Programs of others: those that check a JSON file against a JSON Schema, and Ansible.

use std::ffi::OsString;
use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::tools;

use super::contender::Contender;

/// The schema they check: what `phoenix check` takes for the shape, and only a part of what it does.
const SCHEMA: &str = "schemas/phoenix_lxc_configs.schema.json";

/// The shortest Python script over jsonschema-rs that reads a file and reports every error.
const SCRIPT: &str = "\
import json
import sys

import jsonschema_rs

with open(sys.argv[1], 'rb') as file:
    validator = jsonschema_rs.validator_for(json.load(file))
with open(sys.argv[2], 'rb') as file:
    errors = [error.message for error in validator.iter_errors(json.load(file))]
sys.exit('\\n'.join(errors) or None)
";

/// Installs them below `folder`; one that cannot be is returned with the reason.
pub(super) fn install(folder: &Path) -> Vec<(&'static str, Result<Contender>)> {
    vec![
        ("ajv-cli", ajv(folder)),
        ("check-jsonschema", check_jsonschema(folder)),
        ("jsonschema-rs", jsonschema_rs(folder)),
    ]
}

fn ajv(folder: &Path) -> Result<Contender> {
    let npm = npm(folder, "ajv-cli@5.0.0")?;
    let program = npm.join("node_modules/.bin/ajv").into_os_string();
    let mut command = vec![program];
    // Number formats of Rust (`uint32`) are unknown to it, and it would refuse the whole schema.
    let words =
        ["validate", "--spec=draft2020", "--strict=false", "--validate-formats=false", "-s"];
    command.extend(words.map(OsString::from));
    command.extend([SCHEMA, "-d"].map(OsString::from));
    Ok(Contender::peer("ajv-cli 5.0.0", command))
}

fn check_jsonschema(folder: &Path) -> Result<Contender> {
    let programs = pip(folder, "check-jsonschema==0.39.0")?;
    let command =
        vec![programs.join("check-jsonschema").into(), "--schemafile".into(), SCHEMA.into()];
    Ok(Contender::peer("check-jsonschema 0.39.0", command))
}

fn jsonschema_rs(folder: &Path) -> Result<Contender> {
    let programs = pip(folder, "jsonschema-rs==0.60.3")?;
    let script = folder.join("validate.py");
    fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
    let command = vec![programs.join("python").into(), script.into(), SCHEMA.into()];
    Ok(Contender::peer("jsonschema-rs 0.60.3", command))
}

/// Installs Ansible below `folder` and returns its `ansible-playbook`.
pub(super) fn ansible(folder: &Path) -> Result<PathBuf> {
    let programs = pip(folder, "ansible-core==2.19.14")?;
    Ok(path::absolute(programs.join("ansible-playbook"))?)
}

/// Installs a package of npm and returns the folder that it is in.
pub(super) fn npm(folder: &Path, package: &str) -> Result<PathBuf> {
    let npm = path::absolute(folder.join("npm"))?;
    fs::create_dir_all(&npm).with_context(|| format!("cannot create {}", npm.display()))?;
    Program::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&npm)
        .arg(package)
        .run()?;
    Ok(npm)
}

/// Installs a Python package and returns the folder of the programs beside it.
fn pip(folder: &Path, package: &str) -> Result<PathBuf> {
    let venv = folder.join("venv");
    tools::venv(&venv)?;
    let programs = venv.join("bin");
    Program::new(programs.join("pip")).args(["install", "--quiet", package]).run()?;
    Ok(programs)
}
