//! Answers what people are asked before a run is made.

use phoenix_bus::Decision;
use phoenix_domain::RunId;

use super::answer::{Told, faster};
use crate::cli::Says;
use crate::error::{CommandError, EXIT_CONFLICT};
use crate::session::{self, Hand};
use crate::words;

/// Answers what is asked before this run is made, where `asked` says what somebody saw only that. Returns
/// nothing where nothing is asked before it.
pub(super) async fn answer(
    hand: &Hand<'_>,
    run: &RunId,
    says: Says,
    asked: Option<&str>,
) -> Result<Option<Told>, CommandError> {
    let decision = Decision { yes: says == Says::Yes, by: hand.by.clone(), at: session::now() };
    let Some(approval) = hand.bus.decide(run, asked, &decision).await? else { return Ok(None) };
    Ok(Some(match (&approval.decision, says) {
        (Some(said), Says::Yes) if *said == decision => {
            let follow = words::follow(run);
            done(run, &format!("it goes on; once it is asked for, follow it: {follow}"))
        }
        (Some(said), Says::No) if *said == decision => done(run, "it is not done"),
        (Some(said), _) => late(run, &faster(&said.by, said.yes, said.at)),
        (None, _) => {
            let question = words::line(&approval.question);
            late(run, &format!("not answered: it asks something else by now: {question}"))
        }
    }))
}

/// Says who has answered what was asked before this run, where that is past. Returns nothing where nothing
/// is known of it.
pub(super) async fn past(
    hand: &Hand<'_>,
    run: &RunId,
    asked: Option<&str>,
) -> Result<Option<Told>, CommandError> {
    let noted = hand.bus.deliveries().await?;
    let said = noted.iter().find_map(|one| one.accepted.decided.get(run));
    let told = said.map(|said| late(run, &faster(&said.by, said.yes, said.at)));
    let gone = || {
        let why = "nothing is asked any more; `phoenix deliveries` says what became of it";
        asked.map(|_| late(run, why))
    };
    Ok(told.or_else(gone))
}

fn done(run: &RunId, what: &str) -> Told {
    Told { text: format!("run {run}: {what}\n"), code: 0 }
}

fn late(run: &RunId, why: &str) -> Told {
    Told { text: format!("run {run}: {why}\n"), code: EXIT_CONFLICT }
}
