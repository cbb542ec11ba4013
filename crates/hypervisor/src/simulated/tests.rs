//! Tests of the simulated host.

use phoenix_domain::{Made, Run};
use phoenix_testkit::guest;
use tempfile::{TempDir, tempdir};

use super::*;

struct Host {
    dir: TempDir,
    host: Simulated,
}

fn host() -> Host {
    host_with(&Settings::instant())
}

fn host_with(settings: &Settings) -> Host {
    let dir = tempdir().unwrap();
    init(dir.path(), settings).unwrap();
    let host = Simulated::open(dir.path(), Effects::InProcess).unwrap();
    Host { dir, host }
}

impl Host {
    async fn does(&self, want: &GuestSpec, change: Change) -> Result<(), HostError> {
        self.host.apply(want, &change, &Hand::default()).await
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn create(want: &GuestSpec) -> Change {
    Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged: want.container().map(|container| container.unprivileged),
    }
}

#[tokio::test]
async fn what_was_made_is_there_after_a_restart() {
    let host = host();
    let want = guest(950).build();
    host.does(&want, create(&want)).await.unwrap();
    host.does(&want, Change::Start).await.unwrap();

    let again = Simulated::open(host.path(), Effects::InProcess).unwrap();
    let seen = again.look(&want, Facets::Inside).await.unwrap().guest.unwrap();

    assert_eq!((seen.made, seen.run), (Made::Whole, Run::Running));
    assert!(seen.inside.is_some());
}
