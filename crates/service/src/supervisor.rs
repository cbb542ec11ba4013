//! Telling who supervises this process how it does: systemd, of a unit with `Type=notify`.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// How often it is told how things are, where nobody waits for a sign of life.
const USUAL: Duration = Duration::from_secs(20);
/// How many signs of life are given in the time after which none counts as death.
const SIGNS: u32 = 3;

/// Who supervises this process. Where nobody does, nobody is told.
#[derive(Clone, Copy, Debug)]
pub struct Supervisor {
    /// How long it waits for a sign of life; `None` where it does not wait for any.
    patience: Option<Duration>,
}

impl Supervisor {
    /// Returns who started this process, as the environment says.
    pub fn of_this_process() -> Self {
        Self { patience: sd_notify::watchdog_enabled() }
    }

    /// Returns how often it is to be told how this process does.
    pub fn beat(self) -> Duration {
        self.patience.map_or(USUAL, |patience| patience / SIGNS)
    }

    /// Says that what this process is for is being done now.
    pub fn ready(self) {
        tell(NotifyState::Ready);
    }

    /// Gives a sign of life.
    pub fn alive(self) {
        if self.patience.is_some() {
            tell(NotifyState::Watchdog);
        }
    }

    /// Says in a few words what this process is at.
    pub fn status(self, text: &str) {
        tell(NotifyState::Status(text));
    }

    /// Says that this process ends.
    pub fn stopping(self) {
        tell(NotifyState::Stopping);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(err) = sd_notify::notify(&[state]) {
        warn!(%err, "the supervisor of this process was not told how it does");
    }
}
