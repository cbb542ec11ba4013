//! A program that checks a fleet, and how it is called.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};

use super::fleet::LXC;
use super::measure::{self, Cost};

/// A program that takes part in a comparison.
pub(super) struct Contender {
    pub(super) name: String,
    /// The program and what comes before the fleet on its command line.
    command: Vec<OsString>,
    takes: Takes,
}

/// What a program wants at the end of its command line.
pub(super) enum Takes {
    /// The folder, and so all three files.
    TheFolder,
    /// The file with the containers.
    TheFile,
}

impl Contender {
    pub(super) fn phoenix(program: &Path) -> Self {
        let command = [program.as_os_str(), "check".as_ref(), "--config".as_ref()];
        Self {
            name: "phoenix".into(),
            command: command.map(Into::into).into(),
            takes: Takes::TheFolder,
        }
    }

    pub(super) fn peer(name: &str, command: Vec<OsString>) -> Self {
        Self { name: name.into(), command, takes: Takes::TheFile }
    }

    /// Runs it once. A peer that refuses the fleet is noted and has no sample; we may not refuse.
    pub(super) fn measure(
        &self,
        fleet: &Path,
        scratch: &Path,
        not_run: &mut Vec<String>,
    ) -> Result<Option<Cost>> {
        let mut command = self.command.clone();
        command.push(match self.takes {
            Takes::TheFolder => fleet.into(),
            Takes::TheFile => fleet.join(LXC).into(),
        });
        match (measure::cost(&command, scratch), &self.takes) {
            (Ok(cost), _) => Ok(Some(cost)),
            (Err(err), Takes::TheFolder) => {
                bail!("{err:#}: the made-up fleet is not valid, or the check is wrong")
            }
            (Err(err), Takes::TheFile) => {
                let note = format!("{} on {}: {err:#}", self.name, fleet.display());
                if !not_run.contains(&note) {
                    not_run.push(note);
                }
                Ok(None)
            }
        }
    }
}
