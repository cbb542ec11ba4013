//! What was started on a node: which commands, for which guests, for how long.

use std::collections::BTreeMap;

use phoenix_domain::{GuestSpec, Vmid};
use phoenix_fake_proxmox::{Entry, LedgerEvent};

/// A command that was started on a node.
#[derive(Clone)]
pub(crate) struct Started {
    /// The guest it was about; none where it was about the node.
    pub(crate) guest: Option<Vmid>,
    pub(crate) program: String,
    pub(crate) words: Vec<String>,
    pid: u32,
    begun: u64,
    ended: Option<u64>,
    exit: Option<u8>,
}

/// Everything that was started by somebody.
pub(crate) struct Commands(pub(crate) Vec<Started>);

impl Commands {
    /// Reads them in what the double noted.
    pub(crate) fn read(entries: Vec<Entry>) -> Self {
        let mut all: Vec<Started> = Vec::new();
        for entry in entries {
            match entry.event {
                LedgerEvent::Begun => all.push(Started {
                    guest: guest(&entry),
                    program: entry.program,
                    words: entry.argv,
                    pid: entry.pid,
                    begun: entry.monotonic_ms,
                    ended: None,
                    exit: None,
                }),
                LedgerEvent::Ended => {
                    let open =
                        all.iter_mut().find(|one| one.pid == entry.pid && one.ended.is_none());
                    if let Some(open) = open {
                        (open.ended, open.exit) = (Some(entry.monotonic_ms), entry.exit);
                    }
                }
            }
        }
        Self(all)
    }

    /// Returns how many of them failed. One that gave up never noted its end.
    pub(crate) fn errors(&self) -> usize {
        self.0.iter().filter(|one| one.exit != Some(0)).count()
    }

    /// Returns how often a program was started.
    pub(crate) fn of(&self, program: &str) -> usize {
        self.0.iter().filter(|one| one.program == program).count()
    }

    /// Returns those about a guest.
    pub(crate) fn about(&self, guest: Vmid) -> Self {
        Self(self.0.iter().filter(|one| one.guest == Some(guest)).cloned().collect())
    }

    /// Returns the sum of the times they took, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.iter().map(Started::seconds).sum()
    }

    /// Returns the longest chain of guests that stand on each other, by the times of their
    /// commands: its seconds, and the guests from the first to the last.
    pub(crate) fn critical_path(&self, fleet: &[GuestSpec]) -> (f64, Vec<Vmid>) {
        let mut paths: BTreeMap<Vmid, (f64, Vec<Vmid>)> = BTreeMap::new();
        // Every guest comes after those it stands on.
        for want in fleet {
            let guest = want.vmid;
            let below = want.stands_on().filter_map(|below| paths.get(&below));
            let longest = below.max_by(|one, other| one.0.total_cmp(&other.0));
            let (mut seconds, mut chain) = longest.cloned().unwrap_or_default();
            seconds += self.about(guest).seconds();
            chain.push(guest);
            paths.insert(guest, (seconds, chain));
        }
        paths.into_values().max_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or_default()
    }
}

impl Started {
    pub(crate) fn seconds(&self) -> f64 {
        let milliseconds = self.ended.map_or(0, |ended| ended - self.begun);
        std::time::Duration::from_millis(milliseconds).as_secs_f64()
    }
}

/// Returns the guest a command is about: the one it makes, or the first that it names.
fn guest(entry: &Entry) -> Option<Vmid> {
    let is_clone = entry.argv.first().is_some_and(|verb| verb == "clone");
    let mut numbers = entry.argv.iter().filter_map(|word| word.parse().ok());
    if is_clone { numbers.nth(1) } else { numbers.next() }
}
