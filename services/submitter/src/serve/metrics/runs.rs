//! When a run has come to its end, and how.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::{Desired, Event, Fact, Goal, GuestKey, Record, Repair, RunId, Standing};

use crate::states::States;

/// How runs end.
pub(super) const RESULTS: [&str; 5] =
    ["completed", "failed", "cancelled", "gone-back", "superseded"];

/// How many runs are remembered that ended: one that is asked for guest by guest is counted once.
const REMEMBERED: usize = 1000;

/// The runs that have not come to their end.
#[derive(Debug, Default)]
pub(super) struct Runs {
    open: BTreeMap<RunId, Open>,
    /// How many guests of a run go on; in no other one is it worth looking at all of them.
    going: BTreeMap<RunId, usize>,
    ended: VecDeque<RunId>,
}

#[derive(Debug, Default)]
struct Open {
    /// When it was asked for; absent where that was before anybody counted.
    since: Option<DateTime<Utc>>,
    /// What is done, where it is a repair.
    repair: Option<Repair>,
}

/// How a guest was, before something happened to it.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Was {
    run: RunId,
    goes_on: bool,
    pub(super) since: DateTime<Utc>,
}

impl Was {
    pub(in crate::serve) fn of(states: &States, guest: GuestKey) -> Option<Self> {
        let record = states.record(guest)?;
        let (run, since) = (record.desired.run.clone(), states.since(guest));
        Some(Self { run, goes_on: goes_on(record), since })
    }
}

/// A run that has come to its end.
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    #[cfg(feature = "otlp")]
    pub(super) run: RunId,
    pub(super) result: &'static str,
    pub(super) took: Option<TimeDelta>,
    pub(super) repair: Option<Repair>,
}

impl Runs {
    /// Takes those that are not at their end where somebody begins to count.
    pub(super) fn of(states: &States) -> Self {
        let mut runs = Self::default();
        runs.anew(states);
        runs
    }

    /// Takes guests as they are now: the log is another one.
    pub(super) fn anew(&mut self, states: &States) {
        self.going.clear();
        for record in states.records().filter(|record| goes_on(record)) {
            *self.going.entry(record.desired.run.clone()).or_default() += 1;
        }
        let mut known = std::mem::take(&mut self.open);
        for record in states.records() {
            let run = &record.desired.run;
            if !self.open.contains_key(run) && end(states, record).is_none() {
                let fresh = || Open { since: None, repair: repair(&record.desired) };
                let open = known.remove(run).unwrap_or_else(fresh);
                self.open.insert(run.clone(), open);
            }
        }
    }

    /// Takes in what happened to a guest that was like this before, and returns what ended with it. The
    /// states are as they are now.
    pub(super) fn take(
        &mut self,
        states: &States,
        before: Option<Was>,
        event: &Event,
    ) -> Vec<Ended> {
        self.count(before.as_ref(), Was::of(states, event.state.guest).as_ref());
        let asked = match &event.fact {
            Fact::Requested(asked) => Some(&asked.desired),
            Fact::RepairRequested(asked) => Some(&asked.desired),
            Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::StepFailed(_)
            | Fact::RetryWait(_)
            | Fact::Blocked(_)
            | Fact::Completed(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => None,
        };
        if let Some(desired) = asked
            && !self.ended.contains(&desired.run)
        {
            let fresh = || Open { since: Some(event.time), repair: repair(desired) };
            self.open.entry(desired.run.clone()).or_insert_with(fresh);
        }
        let run = &event.state.desired.run;
        // What is wanted otherwise may have been the last that went on in the run before.
        let before = before.map(|was| was.run).filter(|before| before != run);
        let over = before.into_iter().chain([run.clone()]);
        let over = over
            .filter(|run| self.open.contains_key(run) && !self.going.contains_key(run))
            .collect::<Vec<_>>();
        let over: Vec<_> =
            over.into_iter().filter_map(|run| Some((result(states, &run)?, run))).collect();
        let ended = over.into_iter().filter_map(|(result, run)| {
            let Open { since, repair } = self.open.remove(&run)?;
            let ended = Ended {
                #[cfg(feature = "otlp")]
                run: run.clone(),
                result,
                took: since.map(|since| event.time - since),
                repair,
            };
            self.ended.push_back(run);
            if self.ended.len() > REMEMBERED {
                self.ended.pop_front();
            }
            Some(ended)
        });
        ended.collect()
    }

    fn count(&mut self, before: Option<&Was>, now: Option<&Was>) {
        if let Some(now) = now.filter(|now| now.goes_on) {
            *self.going.entry(now.run.clone()).or_default() += 1;
        }
        if let Some(was) = before.filter(|was| was.goes_on)
            && let Some(count) = self.going.get_mut(&was.run)
        {
            *count -= 1;
            if *count == 0 {
                self.going.remove(&was.run);
            }
        }
    }
}

/// Says whether a guest is on its way, or can be as soon as a worker takes it.
fn goes_on(record: &Record) -> bool {
    !record.is_settled() && !matches!(record.work.standing, Standing::BlockedBy { .. })
}

fn repair(desired: &Desired) -> Option<Repair> {
    match desired.goal {
        Goal::Repaired { by } => Some(by),
        Goal::Present
        | Goal::Adopted
        | Goal::Running
        | Goal::Stopped
        | Goal::Restarted
        | Goal::Absent { .. } => None,
    }
}

/// Says how a run ended; nothing while something of it goes on, or a human is asked.
fn result(states: &States, run: &RunId) -> Option<&'static str> {
    let mut worst = None;
    for record in states.records().filter(|record| record.desired.run == *run) {
        worst = worst.max(Some(end(states, record)?));
    }
    Some(worst.map_or("superseded", |(_, word)| word))
}

/// Says how a guest ended, and how bad that is.
fn end(states: &States, record: &Record) -> Option<(u8, &'static str)> {
    match &record.work.standing {
        Standing::BlockedBy { root, .. } => {
            let is_over = states.record(*root).is_none_or(Record::is_settled);
            is_over.then_some((3, "failed"))
        }
        Standing::Blocked { .. } => None,
        _ if !record.is_settled() => None,
        Standing::Dead { .. } => Some((3, "failed")),
        Standing::Completed if record.gone_back().is_some() => Some((2, "gone-back")),
        Standing::Cancelled => Some((1, "cancelled")),
        Standing::Completed => Some((0, "completed")),
        Standing::Requested | Standing::Working | Standing::RetryWait { .. } | Standing::Failed => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{asked, asked_again, claimed, completed, dead, guest};

    /// Has an event happen to a site, and returns how runs ended by it.
    fn results(runs: &mut Runs, site: &mut States, event: &Event) -> Vec<&'static str> {
        let before = Was::of(site, event.state.guest);
        site.take(1, event.clone());
        runs.take(site, before, event).into_iter().map(|ended| ended.result).collect()
    }

    #[test]
    fn a_run_ends_once_and_with_the_worst_of_its_guests() {
        let (mut runs, mut site) = (Runs::default(), States::default());
        let (base, app) = (asked(900, "r-0001"), asked(901, "r-0001"));
        for event in [&base, &app, &claimed(&base), &completed(&claimed(&base)), &claimed(&app)] {
            assert!(results(&mut runs, &mut site, event).is_empty(), "901 goes on");
        }
        let app = dead(&claimed(&app));

        assert_eq!(results(&mut runs, &mut site, &app), ["failed"]);

        assert!(results(&mut runs, &mut site, &app).is_empty(), "it is counted once");
    }

    #[test]
    fn a_run_of_which_all_is_wanted_otherwise_is_superseded() {
        let (mut runs, mut site) = (Runs::default(), States::default());
        let first = asked(900, "r-0001");
        assert!(results(&mut runs, &mut site, &first).is_empty());

        let second = asked_again(&first, 1024);

        assert_eq!(results(&mut runs, &mut site, &second), ["superseded"]);
        let last = completed(&claimed(&second));
        assert_eq!(results(&mut runs, &mut site, &last), ["completed"]);
    }

    #[test]
    fn a_run_ends_where_all_that_is_left_of_it_waits_for_what_was_given_up() {
        let site = crate::asking::tests::site();
        let mut states =
            States::of(site.iter().filter(|event| event.state.guest != guest(902)).cloned());
        let mut runs = Runs::of(&states);

        // 903 is dead and 904 waits for it; 901 was the last that went on.
        let last = site.iter().find(|event| event.state.guest == guest(901)).unwrap();
        let last = completed(&claimed(last));

        assert_eq!(results(&mut runs, &mut states, &last), ["failed"]);
    }

    #[test]
    fn a_repair_is_known_by_what_was_done_and_how_long_it_took() {
        let mut first = asked(900, "r-0001");
        first.state.desired.goal = Goal::Repaired { by: Repair::Guest };
        if let Fact::Requested(asked) = &mut first.fact {
            asked.desired.goal = first.state.desired.goal;
        }
        let (mut runs, mut site) = (Runs::default(), States::default());
        assert!(results(&mut runs, &mut site, &first).is_empty());
        let mut last = completed(&claimed(&first));
        last.time += TimeDelta::seconds(9);
        let before = Was::of(&site, guest(900));
        site.take(1, last.clone());

        let ended = runs.take(&site, before, &last);

        let (took, repair) = (Some(TimeDelta::seconds(9)), Some(Repair::Guest));
        let ended: Vec<_> = ended.iter().map(|one| (one.result, one.took, one.repair)).collect();
        assert_eq!(ended, [("completed", took, repair)]);
    }

    #[test]
    fn what_was_asked_for_before_anybody_counted_ends_without_a_duration() {
        let open = asked(900, "r-0001");
        let mut site = States::of([open.clone(), completed(&asked(901, "r-0000"))]);
        let mut runs = Runs::of(&site);
        let (before, last) = (Was::of(&site, guest(900)), dead(&claimed(&open)));
        site.take(1, last.clone());

        let ended = runs.take(&site, before, &last);

        let ended: Vec<_> = ended.iter().map(|one| (one.result, one.took, one.repair)).collect();
        assert_eq!(ended, [("failed", None, None)]);
    }
}
