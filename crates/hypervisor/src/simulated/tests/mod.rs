//! Tests of the simulated host, in process.

mod faults;
mod host;
mod strict;
mod told;

use phoenix_domain::SeenGuest;
use tempfile::{TempDir, tempdir};

use super::*;

/// A simulated host that is gone with its value.
struct Host {
    dir: TempDir,
    simulated: Simulated,
}

fn host() -> Host {
    host_with(&Settings::instant())
}

fn host_with(settings: &Settings) -> Host {
    let dir = tempdir().unwrap();
    init(dir.path(), settings).unwrap();
    let simulated = Simulated::open(dir.path(), Effects::InProcess).unwrap();
    Host { dir, simulated }
}

impl Host {
    async fn does(&self, want: &GuestSpec, change: Change) -> Result<(), HostError> {
        self.simulated.apply(want, &change, &Hand::default()).await
    }

    /// Makes a guest, and starts it.
    async fn runs(&self, want: &GuestSpec) {
        self.does(want, create(want)).await.unwrap();
        self.does(want, Change::Start).await.unwrap();
    }

    async fn look(&self, want: &GuestSpec) -> Seen {
        self.simulated.look(want, Facets::Inside).await.unwrap()
    }

    async fn guest(&self, want: &GuestSpec) -> SeenGuest {
        self.look(want).await.guest.unwrap()
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn fault(&self, fault: Fault) -> u32 {
        admin::add_fault(self.path(), fault).unwrap()
    }
}

fn create(want: &GuestSpec) -> Change {
    Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged: want.container().map(|container| container.unprivileged),
        properties: Vec::new(),
    }
}

fn take(name: &str) -> Change {
    Change::TakeSnapshot { name: name.parse().unwrap(), contents: None }
}

fn is_for_now(err: &HostError) -> bool {
    matches!(err, HostError::Failed { .. })
}

fn is_for_good(err: &HostError) -> bool {
    matches!(err, HostError::Impossible { .. })
}
