//! How often something is tried again, and how long is waited for what may come at any time.

use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// The pause after the first failure; it doubles with each.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(1);
/// It is looked now and then, whatever is waited for: the clock may be set meanwhile, or another server
/// killed that was at it.
const LOOK: Duration = Duration::from_mins(10);

/// How often it is looked whether people have said something who are asked; nobody tells when they have.
pub(super) const ANSWERED: Duration = Duration::from_secs(2);

/// What goes wrong, over and over.
pub(super) struct Trouble {
    pause: Duration,
    told: Option<String>,
}

impl Trouble {
    pub(super) fn none() -> Self {
        Self { pause: FIRST, told: None }
    }

    /// Waits before it is tried again, and says why it failed, once.
    pub(super) async fn pause(&mut self, remarks: &mpsc::Sender<String>, who: &str, why: &str) {
        if self.told.as_deref() != Some(why) {
            // Who would read it is there for as long as this is.
            drop(remarks.send(format!("{who}: {why}; it is tried again")).await);
            self.told = Some(why.to_owned());
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
    }
}

/// Waits for this, and not longer than that.
pub(super) async fn wait(notify: &Notify, most: Option<Duration>) {
    // Whichever it was, it is looked at again.
    drop(timeout(most.unwrap_or(LOOK).min(LOOK), notify.notified()).await);
}
