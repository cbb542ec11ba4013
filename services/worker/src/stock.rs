//! What was brought along with guests, as this host keeps it: a pack a file, each by its name.
//!
//! A pack is fetched once and is whole or not there. Each time it is to be used it is compared with its
//! name, so that what a disk or a hand has made of it is fetched again, and never run.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, BusError};
use phoenix_domain::{Brings, FeatureName, PackName, StepName, chain};
use phoenix_hypervisor::HostError;
use tracing::info;

/// The folder below that of the notes which it is kept in.
const FOLDER: &str = "library";

/// What was brought along with guests.
#[derive(Clone, Debug)]
pub(crate) struct Stock(PathBuf);

/// Why something that was brought along is not here.
#[derive(Debug)]
pub(crate) enum Unstocked {
    /// It is nowhere, or this host cannot keep it; and who needs it first.
    Host { step: StepName, err: HostError },
    /// The library cannot be asked now.
    Away(BusError),
}

impl Unstocked {
    /// Returns what is the matter, and what can be done.
    pub(crate) fn said(&self) -> (String, Option<String>) {
        match self {
            Self::Host { err, .. } => (chain(err), err.advice().map(str::to_owned)),
            Self::Away(err) => (chain(err), Some("see whether NATS answers".to_owned())),
        }
    }
}

impl Stock {
    /// Returns what is kept below this folder.
    pub(crate) fn below(state_dir: &Path) -> Self {
        Self(state_dir.join(FOLDER))
    }

    /// Returns where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Makes sure that all is here that was brought along with a guest.
    pub(crate) async fn fill(&self, bus: &Bus, brings: &Brings) -> Result<(), Unstocked> {
        for (feature, pack) in brings.packs() {
            if self.has(pack) {
                continue;
            }
            let step = feature.map_or(StepName::RunApplicationScript, |_| StepName::ApplyFeatures);
            let host = |err| Unstocked::Host { step, err };
            // It is seldom needed, and large.
            let archive = Box::pin(bus.brought(pack)).await.map_err(Unstocked::Away)?;
            let Some(archive) = archive else {
                return Err(host(HostError::NotBrought {
                    what: called(feature),
                    pack: pack.clone(),
                }));
            };
            self.keep(pack, &archive).map_err(|err| {
                host(HostError::Failed {
                    what: format!("keeping {} in {}", called(feature), self.0.display()),
                    why: err.to_string(),
                    output: String::new(),
                })
            })?;
            info!(pack = pack.short(), what = called(feature), "fetched");
        }
        Ok(())
    }

    /// Removes what nobody means any more, and what whoever was killed has left half made.
    pub(crate) fn forget(
        &self,
        meant: &BTreeSet<PackName>,
        since: DateTime<Utc>,
    ) -> io::Result<()> {
        let files = match fs::read_dir(&self.0) {
            Ok(files) => files,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(err),
        };
        for file in files {
            let file = file?;
            let pack = file.file_name().to_str().and_then(|name| name.parse::<PackName>().ok());
            let is_meant = pack.is_some_and(|pack| meant.contains(&pack));
            if !is_meant && DateTime::<Utc>::from(file.metadata()?.modified()?) < since {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    /// Says whether a pack is here, and whole.
    fn has(&self, pack: &PackName) -> bool {
        fs::read(self.0.join(pack.as_str())).is_ok_and(|archive| PackName::of(&archive) == *pack)
    }

    fn keep(&self, pack: &PackName, archive: &[u8]) -> io::Result<()> {
        // What is in a script is nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        // Another guest may bring the same now.
        let part = self.0.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let kept = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .and_then(|mut file| file.write_all(archive).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&part, self.0.join(pack.as_str())));
        if kept.is_err() {
            // Where even that fails there is nothing left to do.
            drop(fs::remove_file(&part));
        }
        kept
    }
}

fn called(feature: Option<&FeatureName>) -> String {
    match feature {
        Some(feature) => format!("the feature {feature}"),
        None => "the application script".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tempfile::TempDir;

    use super::*;

    fn names(stock: &Stock) -> Vec<String> {
        let files = fs::read_dir(stock.folder()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_is_whole_and_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = TempDir::new().unwrap();
        let (stock, pack) = (Stock::below(folder.path()), PackName::of(b"one"));
        assert!(!stock.has(&pack));

        stock.keep(&pack, b"one").unwrap();

        assert!(stock.has(&pack));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(stock.folder()), 0o700);
        assert_eq!(mode(&stock.folder().join(pack.as_str())), 0o600);
        fs::write(stock.folder().join(pack.as_str()), "another").unwrap();
        assert!(!stock.has(&pack));
        stock.keep(&pack, b"one").unwrap();
        assert!(stock.has(&pack));
        assert_eq!(names(&stock), [pack.as_str()]);
    }

    #[test]
    fn what_nobody_means_goes_once_it_is_old_and_what_a_guest_needs_stays() {
        let folder = TempDir::new().unwrap();
        let stock = Stock::below(folder.path());
        let (meant, old) = (PackName::of(b"meant"), PackName::of(b"old"));
        stock.keep(&meant, b"meant").unwrap();
        stock.keep(&old, b"old").unwrap();
        fs::write(stock.folder().join(".half"), "half").unwrap();
        let wanted = BTreeSet::from([meant.clone()]);
        let now = crate::context::now();

        stock.forget(&wanted, now - TimeDelta::hours(1)).unwrap();
        assert_eq!(names(&stock).len(), 3, "they were put there just now");
        stock.forget(&wanted, now + TimeDelta::hours(1)).unwrap();
        assert_eq!(names(&stock), [meant.as_str()]);
    }
}
