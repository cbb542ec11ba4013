//! How long the probes of a guest took last.

use std::collections::BTreeMap;

use phoenix_domain::health::{Found, Probe, Reading};

/// How long the probes of a guest took last, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Took(BTreeMap<Box<str>, u64>);

impl Took {
    /// Notes it of a probe that was made; nothing is known any more of one that could not be.
    pub(super) fn note(&mut self, probe: &str, reading: &Reading) {
        match reading.found {
            Found::Unasked(_) => {
                self.0.remove(probe);
            }
            Found::Serving
            | Found::Worse(_)
            | Found::Loading
            | Found::Failing(_)
            | Found::Silent(_) => {
                self.0.insert(probe.into(), reading.evidence.took_ms);
            }
        }
    }

    /// Returns it of those of these probes that were made.
    pub(super) fn of(&self, probes: &[Probe]) -> BTreeMap<Box<str>, u64> {
        let took = |probe: &Probe| Some((probe.name.clone(), *self.0.get(&probe.name)?));
        probes.iter().filter_map(took).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use phoenix_domain::health::{Ask, Evidence, Reason};

    use super::*;

    fn reading(found: Found, took_ms: u64) -> Reading {
        let evidence = Evidence { took_ms, ..Evidence::default() };
        Reading { at: DateTime::UNIX_EPOCH, found, progress: None, evidence }
    }

    #[test]
    fn the_last_time_counts_until_a_probe_cannot_be_made() {
        let probes = ["web", "db", "gone"].map(|name| Probe::new(name, Ask::Tcp { port: 80 }));
        let mut took = Took::default();

        took.note("web", &reading(Found::Serving, 9));
        took.note("web", &reading(Found::Failing(Reason::EngineDead), 4));
        took.note("db", &reading(Found::Serving, 7));
        took.note("gone", &reading(Found::Serving, 7));
        took.note("gone", &reading(Found::Unasked(Reason::Unreachable), 0));

        assert_eq!(took.of(&probes), [("db".into(), 7), ("web".into(), 4)].into());
        assert_eq!(took.of(&[]), BTreeMap::new());
    }
}
