//! How a simulated host refuses a change.

use phoenix_domain::Change;

use crate::HostError;

/// Refuses this change.
pub(super) struct Refuse<'c> {
    /// The change.
    pub(super) change: &'c Change,
}

impl Refuse<'_> {
    /// Refuses it as things are. As with a real host, nothing but the text says why.
    pub(super) fn for_now(&self, why: &str) -> HostError {
        HostError::Failed { what: self.what(), why: why.to_owned(), output: String::new() }
    }

    /// Refuses it however often it is asked.
    pub(super) fn for_good(&self, why: &str) -> HostError {
        HostError::Impossible { what: self.what(), why: why.to_owned() }
    }

    /// Refuses it because something else is at the guest.
    pub(super) fn locked(&self, by: &str) -> HostError {
        HostError::Locked { what: format!("the guest of a {}", self.what()), by: by.to_owned() }
    }

    /// Names the change, and that it is none of a real host.
    pub(super) fn what(&self) -> String {
        format!("simulated change `{}`", self.change)
    }
}
