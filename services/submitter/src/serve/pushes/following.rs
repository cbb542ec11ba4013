//! Waits for the end of runs, and says how they ended.

use std::collections::BTreeMap;
use std::convert::Infallible;

use phoenix_bus::{BusError, CommitState, OpenRun};
use phoenix_domain::GuestKey;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::judge::short;
use super::{Pushes, notes};
use crate::follow::{Ending, Watched};
use crate::serve::again::Trouble;
use crate::serve::live::News;
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
        let mut news = self.live.news();
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
                    self.until_one_may_have_ended(&open, &mut news).await;
                }
                Err(err) => {
                    trouble.pause(&self.remarks, &self.who(), &phoenix_domain::chain(&err)).await;
                }
            }
        }
    }

    /// Waits until a run has begun, or one of these has ended.
    async fn until_one_may_have_ended(&self, open: &[OpenRun], news: &mut Receiver<News>) {
        let has_ended =
            || self.live.with_states(|states| open.iter().any(|run| end(run, states).is_some()));
        while !has_ended() {
            tokio::select! {
                () = self.begun.notified() => return,
                told = news.recv() => match told {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    // Whoever tells it is a part of us.
                    Err(RecvError::Closed) => std::future::pending().await,
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
        if record.desired.revision > *revision {
            otherwise = otherwise.or(Some((*guest, record)));
            continue;
        }
        match ending(&watched, *guest) {
            Ending::None => return None,
            Ending::Stuck { root } if !watched.record(root)?.is_settled() => return None,
            Ending::Complete | Ending::Otherwise => {}
            Ending::Stuck { .. } | Ending::Dead { .. } | Ending::Question | Ending::Cancelled => {
                failed = failed.or(Some((*guest, record)));
            }
        }
    }
    let count = words::count(guests.len(), "guest", "guests");
    let (state, text, guest) = match (failed, otherwise) {
        (Some((guest, record)), _) => {
            let standing = || record.work.standing.to_string();
            let failure = record.work.failure.as_ref();
            let why = failure.map_or_else(standing, |failure| words::failure(record, failure));
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

fn ending(watched: &Watched, guest: GuestKey) -> Ending {
    let found = watched.guests().find(|(key, _)| *key == guest);
    found.map_or(Ending::None, |(_, guest)| watched.ending(guest))
}
