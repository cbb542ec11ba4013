//! What a commit means for the guests: which are wanted otherwise than they were asked for last.

use std::collections::BTreeMap;

use phoenix_domain::{GuestKey, Record, RunId, Vmid};

use crate::asking::Wanted;
use crate::words;

/// What a commit means for the guests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Those that are wanted otherwise, and those that this run has asked for already.
    pub(super) changed: Vec<Vmid>,
    /// Those that the files have, and that were never made.
    pub(super) fresh: Vec<GuestKey>,
    /// Those that are there, and in no file any more.
    pub(super) gone: Vec<GuestKey>,
    /// Those that the files have on another host.
    pub(super) elsewhere: Vec<GuestKey>,
}

impl Difference {
    /// Compares what is wanted of all guests with what is known of them. A guest that somebody has
    /// stopped, or that failed, is no different one for that: only what it should be counts.
    pub(super) fn between<'r>(
        wanted: &[Wanted],
        records: impl IntoIterator<Item = &'r Record>,
        run: &RunId,
    ) -> Self {
        let there: BTreeMap<_, _> = records
            .into_iter()
            .filter(|record| record.desired.goal.leaves_a_guest())
            .map(|record| (record.guest, record))
            .collect();
        let mut difference = Self::default();
        for one in wanted {
            match there.get(&one.guest) {
                None => difference.fresh.push(one.guest),
                Some(record) if record.desired.host != one.host => {
                    difference.elsewhere.push(one.guest);
                }
                Some(record)
                    if record.desired.digest != one.digest || record.desired.run == *run =>
                {
                    difference.changed.push(one.guest.vmid);
                }
                Some(_) => {}
            }
        }
        let is_gone = |guest: &&GuestKey| !wanted.iter().any(|one| one.guest == **guest);
        difference.gone = there.keys().filter(is_gone).copied().collect();
        difference
    }

    /// Says what is not done, and why not; nothing where there is nothing to say.
    pub(super) fn untouched(&self) -> Option<String> {
        let named = |guests: &[GuestKey], what: &str| {
            let all: Vec<_> = guests.iter().map(ToString::to_string).collect();
            (!all.is_empty()).then(|| format!("{}: {what}", words::shortened(&all.join(" "), 60)))
        };
        let said = [
            named(&self.fresh, "not there yet, `phoenix submit` makes them"),
            named(&self.gone, "in no file any more, and left alone"),
            named(&self.elsewhere, "on another host than the files say, and left there"),
        ];
        let said: Vec<_> = said.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use phoenix_domain::{Fate, Goal};

    use super::*;
    use crate::asking::tests;

    fn on(host: &str, number: u32, memory: u64) -> Wanted {
        Wanted { host: host.parse().unwrap(), ..tests::wanted(number, memory) }
    }

    /// Returns what is known of a guest that was wanted with 512 MiB.
    fn record(number: u32, goal: Goal) -> Record {
        let spec = phoenix_testkit::guest(number.into()).memory(512).build();
        tests::asked_of(&spec, goal).state
    }

    fn numbers(guests: &[GuestKey]) -> Vec<u32> {
        guests.iter().map(|guest| guest.vmid.number()).collect()
    }

    #[test]
    fn only_what_is_there_and_wanted_otherwise_has_changed() {
        let gone = Goal::Absent { volumes: Fate::Kept };
        let records = [
            record(900, Goal::Present),
            record(901, Goal::Stopped),
            record(902, Goal::Present),
            record(903, Goal::Present),
            record(904, gone),
            record(905, gone),
        ];
        let wanted = [
            on("pve1", 900, 1024),
            on("pve1", 901, 512),
            on("pve2", 902, 1024),
            on("pve1", 904, 512),
            on("pve1", 906, 512),
        ];

        let run = "r-c0ffee".parse().unwrap();
        let difference = Difference::between(&wanted, &records, &run);

        assert_eq!(difference.changed.iter().map(|one| one.number()).collect::<Vec<_>>(), [900]);
        assert_eq!(numbers(&difference.fresh), [904, 906]);
        assert_eq!(numbers(&difference.gone), [903], "905 was removed by somebody");
        assert_eq!(numbers(&difference.elsewhere), [902]);
        insta::assert_snapshot!(difference.untouched().unwrap(), @"lxc-904 lxc-906: not there yet, `phoenix submit` makes them; lxc-903: in no file any more, and left alone; lxc-902: on another host than the files say, and left there");
    }

    #[test]
    fn what_this_run_has_asked_for_already_belongs_to_it() {
        let asked = record(900, Goal::Present);

        let wanted = [on("pve1", 900, 512)];
        let difference = Difference::between(&wanted, [&asked], &asked.desired.run);

        assert_eq!(difference.changed.len(), 1);
        assert_eq!(difference.untouched(), None);
    }
}
