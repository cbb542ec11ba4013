//! Programs that stand in for those that cannot run in a trial.
//!
//! They are brought into the container, and the scripts of the feature find them first in `PATH`. For
//! that a copy of the feature is made whose scripts set their surroundings and go on with the real ones;
//! nobody else, and no driver, has to know of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_config::{Manifest, ParameterKind};
use phoenix_domain::Setting;

use super::error::{Flaw, Stop};
use super::subject::Folder;
use crate::error::LabError;
use crate::place::Lab;
use crate::process::{Ended, last_line, output_of, wait_for};

/// Where they are in a container.
const PROGRAMS: &str = "/opt/phoenix-stand-ins";
/// Where they keep what they keep: gone with the container, and no part of what is compared.
const ROOM: &str = "/run/phoenix-stand-ins";
/// What everything in a container finds its programs by.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the stand-ins of one feature change about its surroundings.
#[derive(Debug)]
pub(super) struct Cast {
    name: String,
    /// What is set of the feature.
    pub(super) parameters: BTreeMap<Box<str>, Setting>,
    /// Variables, by name.
    variables: BTreeMap<String, String>,
}

impl Cast {
    /// Brings them into a container, and has them prepared.
    pub(super) async fn bring(
        lab: &Lab,
        guest: u64,
        feature: &Folder,
        programs: &Path,
    ) -> Result<Self, Stop> {
        let name = feature.manifest.name.to_string();
        let mut cast = Self { name, parameters: BTreeMap::new(), variables: BTreeMap::new() };
        // Links lead to those that several features share, and are not followed in the container.
        let words = ["tar", "--dereference", "--owner=0", "--group=0", "-cf", "-", "."];
        let bundle = output_of(&words, programs)?;
        let script = format!(
            "set -e; mkdir -p '{0}' '{1}'; tar -xf - -C '{0}'; chmod -R a+rX,u+w '{0}'",
            cast.programs(),
            cast.room()
        );
        let brought = inside(lab, guest, &script, &bundle).await?;
        if brought.code != Some(0) {
            let why = format!("the stand-ins of {} cannot be brought in", cast.name);
            return Err(Flaw::with(why, &brought.err).into());
        }
        let prepare = feature.path.join("test/prepare.sh");
        if prepare.is_file() {
            let said = cast.run(lab, guest, &prepare).await?;
            if said.code != Some(0) {
                let why =
                    format!("test/prepare.sh of {} failed: {}", cast.name, last_line(&said.err));
                return Err(Flaw::with(why, &said.err).into());
            }
            cast.heed(&said.out, &feature.manifest)?;
        }
        Ok(cast)
    }

    /// Runs a script of the feature's tests in a container, with them.
    pub(super) async fn run(
        &self,
        lab: &Lab,
        guest: u64,
        script: &Path,
    ) -> Result<Ended, LabError> {
        let text = read(script)?;
        inside(lab, guest, &format!("{}\n{text}", self.surroundings()), &[]).await
    }

    /// Makes a copy of the feature whose scripts are run with them, and returns the folder it is in.
    pub(super) fn stage(&self, feature: &Folder, stage: &Path) -> Result<PathBuf, LabError> {
        let stage = stage.join(&self.name);
        let copy = stage.join(&self.name);
        copy_all(&feature.path, &copy)?;
        if let Some(lib) = &feature.lib {
            copy_all(lib, &stage.join("lib"))?;
        }
        for script in ["install", "check"] {
            let (ours, real) =
                (copy.join(format!("{script}.sh")), copy.join(format!("{script}.real")));
            if !ours.is_file() {
                continue;
            }
            let wrap = |err| LabError::File { path: ours.clone(), err };
            fs::rename(&ours, &real).map_err(wrap)?;
            let text =
                format!("#!/bin/sh\n{}\nexec sh ./{script}.real \"$@\"\n", self.surroundings());
            fs::write(&ours, text).map_err(wrap)?;
        }
        Ok(stage)
    }

    /// Understands what was printed while it was prepared: `NAME=VALUE`, line by line.
    fn heed(&mut self, said: &str, manifest: &Manifest) -> Result<(), Flaw> {
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            let wrong = |why: &str| {
                Flaw::new(format!("test/prepare.sh of {} printed `{line}`: {why}", manifest.name))
            };
            let Some((name, value)) = line.split_once('=') else {
                return Err(wrong("it is no NAME=VALUE; what is said to people belongs on stderr"));
            };
            let Some(parameter) = name.strip_prefix("parameter_") else {
                let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !is_name || !name.starts_with("PHOENIX_") {
                    return Err(wrong("only `parameter_…` and `PHOENIX_…` mean something"));
                }
                self.variables.insert(name.to_owned(), value.to_owned());
                continue;
            };
            let Some(declared) = manifest.parameters.get(parameter) else {
                return Err(wrong("the manifest has no such parameter"));
            };
            let setting = setting(declared.kind, value);
            let setting =
                setting.ok_or_else(|| wrong("the manifest says that it is of another type"))?;
            self.parameters.insert(parameter.into(), setting);
        }
        Ok(())
    }

    /// Returns what a shell is told first.
    fn surroundings(&self) -> String {
        let mut text =
            format!("export PATH='{}:{PATH}' STAND_IN='{}'", self.programs(), self.room());
        for (name, value) in &self.variables {
            // A String takes everything that is written to it.
            let _written = write!(text, " {name}={}", quoted(value));
        }
        text
    }

    fn programs(&self) -> String {
        format!("{PROGRAMS}/{}", self.name)
    }

    fn room(&self) -> String {
        format!("{ROOM}/{}", self.name)
    }
}

/// Runs something in a container with its own shell, as root, with nothing of our environment.
pub(super) async fn inside(
    lab: &Lab,
    guest: u64,
    script: &str,
    input: &[u8],
) -> Result<Ended, LabError> {
    let mut words = lab.inside(guest);
    let script = format!("export HOME=/root LANG=C.UTF-8 PATH='{PATH}'; {script}");
    words.extend(["/bin/sh".to_owned(), "-c".to_owned(), script]);
    wait_for(&words, Path::new("/"), input).await
}

/// Runs a script of a feature's tests in a container.
pub(super) async fn plainly(lab: &Lab, guest: u64, script: &Path) -> Result<Ended, LabError> {
    inside(lab, guest, &read(script)?, &[]).await
}

fn read(script: &Path) -> Result<String, LabError> {
    fs::read_to_string(script).map_err(|err| LabError::File { path: script.to_owned(), err })
}

/// Copies a folder, with the files that its links lead to in their places.
fn copy_all(from: &Path, to: &Path) -> Result<(), LabError> {
    let wrap = |path: &Path| {
        let path = path.to_owned();
        move |err| LabError::File { path, err }
    };
    fs::create_dir_all(to).map_err(wrap(to))?;
    for entry in fs::read_dir(from).map_err(wrap(from))? {
        let entry = entry.map_err(wrap(from))?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &to)?;
        } else {
            fs::copy(&path, &to).map_err(wrap(&path))?;
        }
    }
    Ok(())
}

fn setting(kind: ParameterKind, value: &str) -> Option<Setting> {
    Some(match kind {
        ParameterKind::String => Setting::Text(value.into()),
        ParameterKind::Integer => Setting::Number(value.parse().ok()?),
        ParameterKind::Boolean => Setting::Truth(value.parse().ok()?),
        // One line has room for one value.
        ParameterKind::Array => Setting::List(vec![value.into()]),
    })
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heeded(said: &str) -> Result<Cast, Flaw> {
        let manifest = r#"{ "name": "x", "summary": "", "kinds": ["container"], "parameters": {
            "on": { "type": "boolean", "default": true, "description": "" },
            "word": { "type": "string", "default": "", "description": "" },
            "many": { "type": "array", "default": [], "description": "" } } }"#;
        let manifest: Manifest = serde_json::from_str(manifest).unwrap();
        let mut cast =
            Cast { name: "x".into(), parameters: BTreeMap::new(), variables: BTreeMap::new() };
        cast.heed(said, &manifest).map(|()| cast)
    }

    #[test]
    fn what_is_prepared_is_a_parameter_of_its_type_or_a_variable_of_ours() {
        let cast = heeded(
            "parameter_on=false\nparameter_word=a=b\nparameter_many=m:1\nPHOENIX_GPUS=it's 0 1\n",
        )
        .unwrap();

        assert_eq!(cast.parameters["on"], Setting::Truth(false));
        assert_eq!(cast.parameters["word"], Setting::Text("a=b".into()));
        assert_eq!(cast.parameters["many"], Setting::List(vec!["m:1".into()]));
        let told = cast.surroundings();
        assert!(told.contains(r"PHOENIX_GPUS='it'\''s 0 1'"), "{told}");
        assert!(told.contains("PATH='/opt/phoenix-stand-ins/x:/usr/local/sbin"), "{told}");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for said in
            ["ready", "parameter_off=1", "parameter_on=perhaps", "PATH=/tmp", "PHOENIX_$(id)=1"]
        {
            let flaw = heeded(said).unwrap_err();
            assert!(flaw.why.contains(said), "{flaw:?}");
        }
    }
}
