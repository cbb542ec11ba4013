//! The kernel locks of the worker: of the guests of its host, and of the GPUs.

use std::time::{Duration, Instant};

use phoenix_domain::{GuestKey, chain};
use phoenix_hypervisor::{Lock, LockError, Scarce, Warden};
use tracing::{debug, warn};

use crate::context::Context;

/// The longest wait between two looks at a lock that is held.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl<H> Context<H> {
    /// Takes a lock, and waits where somebody holds it: a change that outlived its worker, or
    /// another worker. Returns nothing when nothing may be begun any more.
    pub(crate) async fn hold(&self, scarce: Scarce, name: &str) -> Option<Lock> {
        let (path, began) = (self.lock_file(name), Instant::now());
        let (mut pause, mut warden) = (Duration::from_millis(10), Warden::default());
        loop {
            match Lock::try_take(&path) {
                Ok(lock) => {
                    self.patience.add(scarce, began.elapsed());
                    return Some(lock);
                }
                Err(LockError::Held { .. }) => {
                    debug!(name, "held by somebody else");
                    warden.look(&path);
                }
                Err(err) => warn!(err = %chain(&err), "cannot lock"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = self.duty.stop().cancelled_owned() => return None,
            }
        }
    }

    /// Says whether nobody holds a guest.
    pub(crate) fn is_free(&self, guest: GuestKey) -> bool {
        Lock::try_take(&self.lock_file(&guest.to_string())).is_ok()
    }
}
