//! Waits for the end of runs, and says how they ended.

use std::collections::BTreeMap;
use std::convert::Infallible;

use phoenix_bus::{BusError, CommitState, OpenRun};
use phoenix_domain::{GuestKey, Record, Safety, Standing};
use tokio::sync::watch::Receiver;

use super::{Pushes, notes};
use crate::approvals::short;
use crate::follow::{Ending, Watched};
use crate::serve::again::Trouble;
use crate::session;
use crate::states::States;
use crate::words;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    state: CommitState,
    text: String,
    guest: Option<GuestKey>,
}

impl Pushes {
    pub(super) async fn following(&self) -> Infallible {
        let mut trouble = Trouble::none();
        let mut turns = self.live.turns();
        loop {
            let followed = async {
                let open = self.noted().await?.open;
                for run in &open {
                    if let Some(end) = self.live.with_states(|states| end(run, states)) {
                        self.ended(run, &end).await?;
                    }
                }
                Ok::<_, BusError>(open)
            };
            match followed.await {
                Ok(open) => {
                    trouble = Trouble::none();
                    self.until_one_may_have_ended(&open, &mut turns).await;
                }
                Err(err) => {
                    trouble.pause(&self.remarks, &self.who(), &phoenix_domain::chain(&err)).await;
                }
            }
        }
    }

    /// Waits until a run has begun, or one of these has ended.
    async fn until_one_may_have_ended(&self, open: &[OpenRun], turns: &mut Receiver<()>) {
        let has_ended =
            || self.live.with_states(|states| open.iter().any(|run| end(run, states).is_some()));
        while !has_ended() {
            tokio::select! {
                () = self.begun.notified() => return,
                turned = turns.changed() => if turned.is_err() {
                    // Whoever tells it is a part of us.
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    async fn ended(&self, run: &OpenRun, end: &End) -> Result<(), BusError> {
        let (guest, now) = (end.guest.map(|guest| guest.vmid), session::now());
        self.note(|note| {
            note.open.retain(|open| open.run != run.run);
            notes::show(note, &run.commit, end.state, &end.text, guest, now);
        })
        .await?;
        self.shown.notify_one();
        self.remark(&format!("{}: run {}: {}", short(&run.commit), run.run, end.text)).await;
        Ok(())
    }
}

/// Says how a run ended, once nothing more happens to its guests by itself.
fn end(run: &OpenRun, states: &States) -> Option<End> {
    let guests: Vec<_> = run.guests.keys().copied().collect();
    let watched = states.watched(&guests, &BTreeMap::new(), session::now());
    let (mut failed, mut otherwise) = (None, None);
    for (guest, revision) in &run.guests {
        let record = watched.record(*guest)?;
        if record.desired.revision < *revision {
            // What was asked for is not heard of yet.
            return None;
        }
        if record.has_gone_back(&run.run) {
            if !record.is_settled() {
                return None;
            }
            failed = failed.or(Some((*guest, record)));
            continue;
        }
        if record.desired.revision > *revision {
            otherwise = otherwise.or(Some((*guest, record)));
            continue;
        }
        match ending(&watched, *guest) {
            Ending::None => return None,
            Ending::Stuck { root } if !watched.record(root)?.is_settled() => return None,
            Ending::Complete | Ending::Otherwise => {}
            Ending::Stuck { .. }
            | Ending::Dead { .. }
            | Ending::Returned { .. }
            | Ending::Question
            | Ending::Cancelled => {
                failed = failed.or(Some((*guest, record)));
            }
        }
    }
    let count = words::count(guests.len(), "guest", "guests");
    let (state, text, guest) = match (failed, otherwise) {
        (Some((guest, record)), _) => {
            let why = why(record);
            (CommitState::Failure, format!("{guest}: {why}"), Some(guest))
        }
        (None, Some((guest, record))) => {
            let by = &record.desired.run;
            (CommitState::Success, format!("{guest} is wanted otherwise by run {by}"), Some(guest))
        }
        (None, None) => {
            (CommitState::Success, format!("{count} as wanted"), guests.first().copied())
        }
    };
    Some(End { state, text, guest })
}

/// Says why nothing more happens to a guest that is not as wanted.
fn why(record: &Record) -> String {
    if let Some(Safety::Returned { why, .. }) = &record.desired.safety {
        return format!("{}; it is again what it was", words::line(why));
    }
    match (&record.work.standing, &record.work.failure) {
        (Standing::Blocked { question, .. }, _) => words::line(question),
        (_, Some(failure)) => words::failure(record, failure),
        (standing, None) => standing.to_string(),
    }
}

fn ending(watched: &Watched, guest: GuestKey) -> Ending {
    let found = watched.guests().find(|(key, _)| *key == guest);
    found.map_or(Ending::None, |(_, guest)| watched.ending(guest))
}

#[cfg(test)]
mod tests {
    use phoenix_domain::Event;

    use super::*;
    use crate::asking::tests::{asked, claimed, completed, dead, failed, guest, question, stepped};

    /// Returns how a run of these guests ended, each asked for with this revision.
    fn ended(guests: &[(u32, u64)], events: Vec<Event>) -> Option<(CommitState, String)> {
        let guests = guests.iter().map(|(vmid, revision)| (guest(*vmid), *revision)).collect();
        let run = "r-0001".parse().unwrap();
        let run = OpenRun { run, commit: "c0ffee".to_owned(), guests };
        end(&run, &States::of(events)).map(|end| (end.state, end.text))
    }

    fn begun(vmid: u32) -> Event {
        stepped(&claimed(&asked(vmid, "r-0001")))
    }

    #[test]
    fn a_run_ends_with_its_last_guest() {
        let guests = [(900, 1), (901, 1)];
        assert_eq!(ended(&guests, vec![completed(&begun(900)), begun(901)]), None);

        let both = vec![completed(&begun(900)), completed(&begun(901))];
        let end = ended(&guests, both);
        assert_eq!(end, Some((CommitState::Success, "2 guests as wanted".to_owned())));
    }

    #[test]
    fn what_was_asked_for_and_is_not_heard_of_yet_is_waited_for() {
        assert_eq!(ended(&[(900, 2)], vec![completed(&begun(900))]), None);
        assert_eq!(ended(&[(900, 1)], Vec::new()), None);
    }

    #[test]
    fn the_guest_that_failed_is_told_with_the_step_at_which_it_did() {
        let all = [(900, 1), (901, 1)];
        let given_up = vec![completed(&begun(900)), dead(&failed(&begun(901)))];
        let (state, text) = ended(&all, given_up).unwrap();
        assert_eq!(state, CommitState::Failure);
        assert_eq!(
            text,
            "lxc-901: 2/3 apply_configurations: `pct set` ended with 255 (while: set memory to 512 MiB)"
        );

        let (state, text) = ended(&[(902, 1)], vec![question(&begun(902))]).unwrap();
        assert_eq!(state, CommitState::Failure);
        assert_eq!(text, "lxc-902: there is a container 902 that is not ours");
    }

    #[test]
    fn a_guest_that_somebody_wants_otherwise_meanwhile_is_no_failure() {
        let (state, text) = ended(&[(900, 0)], vec![begun(900)]).unwrap();

        assert_eq!(state, CommitState::Success);
        assert_eq!(text, "lxc-900 is wanted otherwise by run r-0001");
    }
}
