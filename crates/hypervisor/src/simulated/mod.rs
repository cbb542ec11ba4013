//! A host that is simulated: the same promises as a real one, in a folder.
//!
//! It refuses what a real host refuses, is as slow as it is asked to be, fails on demand, and is
//! there again after a restart with what it had. With [`Effects::ByChild`] every change is made by
//! a process of its own, which can be killed, and can outlive who started it.

pub mod admin;
mod effect;
mod faults;
mod folder;
mod guest;
mod ledger;
mod mounts;
mod order;
mod parts;
mod refusal;
mod run;
mod services;
mod settings;
mod starter;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phoenix_domain::health::{Docker, Facts};
use phoenix_domain::{
    Change, Facets, Foreseen, GuestKey, GuestSpec, Health, Seen, SeenParent, StorageId,
};
use tokio::task::spawn_blocking;

use self::faults::Trouble;
use self::folder::Folder;
use crate::command::Command;
use crate::{Depth, Hand, HostError, Hypervisor, Inspected, Inventory};

pub use self::faults::{Fault, Moment, Pending, Trouble as FaultKind};
pub use self::guest::{Broken, Cure, Frozen, Sickness, SimulatedGuest};
pub use self::ledger::{Entry, Mark, twice};
pub use self::order::{ChangeOrder, NotMade, run_change};
pub use self::parts::Part;
pub use self::services::Urls;
pub use self::settings::Settings;

/// A host that is simulated.
#[derive(Clone, Debug)]
pub struct Simulated {
    folder: Folder,
    effects: Effects,
}

/// Who makes the changes of a simulated host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effects {
    /// A thread of ours: for tests and benchmarks, where a process a change would be dear.
    InProcess,
    /// A process for every change, which inherits the locks that are held. It is started with these
    /// arguments followed by `--state DIR --order JSON`, and is to call [`run_change`]. What that
    /// answers it prints to stderr as its last line, and it exits with the code of the answer.
    ByChild {
        /// The program.
        program: PathBuf,
        /// Its first arguments.
        arguments: Vec<OsString>,
    },
}

/// Makes the folder of a simulated host without guests. One that is there keeps its guests and
/// gets these settings.
pub fn init(dir: &Path, settings: &Settings) -> Result<(), HostError> {
    Folder::init(dir, settings).map(drop)
}

impl Simulated {
    /// Opens the folder of a simulated host.
    pub fn open(dir: &Path, effects: Effects) -> Result<Self, HostError> {
        Ok(Self { folder: Folder::open(dir)?, effects })
    }

    /// Serves what its running guests offer, until it is told to end.
    pub async fn serve(
        self: Arc<Self>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), HostError> {
        services::serve(&self.folder, shutdown).await
    }

    async fn by_child(
        &self,
        program: &Path,
        arguments: &[OsString],
        order: &ChangeOrder,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let settings = self.folder.settings()?;
        let order = serde_json::to_string(order).map_err(|err| HostError::Unreadable {
            what: "the order of a change".to_owned(),
            why: err.to_string(),
        })?;
        let command = arguments
            .iter()
            .fold(Command::new(program, settings.limit()), Command::plain)
            .plain("--state")
            .plain(self.folder.path())
            .plain("--order")
            .plain(order)
            .grace(Duration::from_millis(settings.grace_ms));
        let ended = command.run(hand).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(match NotMade::read(&ended.stderr) {
            Some(not_made) => not_made.into(),
            None => HostError::Failed {
                what: "the child of the simulated host".to_owned(),
                why: format!("it ended with {}", ended.status),
                output: ended.stderr,
            },
        })
    }
}

impl Hypervisor for Simulated {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        if faults::strike(&self.folder, GuestKey::from(want), faults::LOOK)? == Some(Trouble::Gone)
        {
            return Err(run::gone());
        }
        let guest = self.folder.guest(want.vmid)?;
        let kept = match &guest {
            Some(guest) => guest.unused.clone(),
            None => self.folder.kept(want.vmid)?,
        };
        let guest = guest.map(|guest| guest.look(want, facets));
        #[cfg(feature = "planted")]
        let guest = guest.map(|mut guest| {
            if phoenix_planted::is("everything-is-ours") {
                guest.owner = phoenix_domain::Owner::Phoenix;
            }
            guest
        });
        if guest.is_none() {
            // It may be the host that is not there.
            self.folder.settings()?;
        }
        let parent = want.parent().map(|parent| self.folder.guest(parent)).transpose()?.flatten();
        let inheritance = parent.as_ref().and_then(SimulatedGuest::inheritance);
        let parent = if inheritance.is_some() { SeenParent::Ready } else { SeenParent::NotReady };
        Ok(Seen { guest, parent, inheritance, kept, aside: self.folder.aside(want.vmid)? })
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        let order = ChangeOrder {
            guest: want.clone(),
            change: change.clone(),
            upstreams: want.upstreams.clone(),
        };
        match &self.effects {
            Effects::ByChild { program, arguments } => {
                self.by_child(program, arguments, &order, hand).await
            }
            Effects::InProcess => {
                let folder = self.folder.clone();
                let hand = hand.clone();
                let made = spawn_blocking(move || {
                    let limit = folder.settings()?.limit();
                    let made = run::run(&folder, &order, Some(limit));
                    // As a child would, it holds its locks to its end, whoever waits for that.
                    drop(hand);
                    made
                });
                made.await.unwrap_or_else(|err| {
                    Err(HostError::Failed {
                        what: "a simulated change".to_owned(),
                        why: err.to_string(),
                        output: String::new(),
                    })
                })
            }
        }
    }

    fn commands(&self, want: &GuestSpec, ahead: &[Foreseen]) -> Vec<Vec<String>> {
        // As the ledger calls it; nobody could type it.
        let guest = GuestKey::from(want);
        let line = |ahead: &Foreseen| format!("(simulated) {} {guest}", ahead.change.kind());
        ahead.iter().map(|ahead| vec![line(ahead)]).collect()
    }

    async fn inspect(
        &self,
        want: &GuestSpec,
        depth: Depth,
        _hand: &Hand,
    ) -> Result<Inspected, HostError> {
        let Some(guest) = self.folder.guest(want.vmid)? else { return Ok(Inspected::default()) };
        let urls = self.folder.read::<Urls>(services::FILE)?.unwrap_or_default();
        let urls = urls.get(&GuestKey::from(want)).cloned().unwrap_or_default();
        let urls = urls.into_iter().filter_map(|(name, url)| Some((name.parse().ok()?, url)));
        Ok(Inspected {
            is_running: guest.runs(),
            processes: services::processes(&guest),
            ailing: match guest.health() {
                Health::Ailing(why) if depth == Depth::Checks => Some(why),
                Health::Ailing(_) | Health::Healthy => None,
            },
            elsewhere: urls.collect(),
            docker: Docker::Unasked,
        })
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        parts::broken(&self.folder)
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        let settings = self.folder.settings()?;
        let mut storages = settings.storages.clone();
        for (name, free) in &mut storages {
            if let Ok(storage) = name.parse::<StorageId>() {
                *free = self.folder.free(&settings, &storage)?.unwrap_or_default();
            }
        }
        Ok(Inventory {
            driver: "simulated".to_owned(),
            cores: settings.cores,
            memory_mb: settings.memory_mb,
            gpus: settings.gpus,
            storages,
            templates: settings.templates,
            tools: [("simulation".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        })
    }
}
