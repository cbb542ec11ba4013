//! `phoenix answer`: says yes or no to what a human is asked about a guest.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use phoenix_domain::{Answered, Fact, GuestKey, Record, Standing};

use super::approve;
use crate::cli::{AnswerArgs, Named, Says};
use crate::error::{CommandError, EXIT_CONFLICT};
use crate::output::Output;
use crate::runs;
use crate::session::{self, Hand};
use crate::states::States;
use crate::words;

/// What became of an answer, and how the command ends.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) code: u8,
}

/// A question as somebody saw it.
struct Seen {
    guest: GuestKey,
    revision: u64,
    question: String,
}

pub(super) fn run(args: &AnswerArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(async {
        let session = session::open(&args.connect, output).await?;
        let hand = session.hand(&args.who);
        let told = answer(&hand, &args.named, args.says, args.asked.as_deref()).await?;
        output.data(&told.text)?;
        Ok(told.code)
    })
}

/// Answers what is asked about a guest, before a run is made, or about all guests of a run; where `asked`
/// says what somebody saw, only that.
pub(crate) async fn answer(
    hand: &Hand<'_>,
    named: &Named,
    says: Says,
    asked: Option<&str>,
) -> Result<Told, CommandError> {
    if let Named::Run(run) = named
        && let Some(told) = approve::answer(hand, run, says, asked).await?
    {
        return Ok(told);
    }
    let states = States::read(hand.bus).await?;
    let guests = match named {
        Named::Guest(vmid) => states.named(&[*vmid])?,
        Named::Run(run) => {
            let members = runs::members(hand.bus, &states, run).await;
            let is_of_run =
                |record: &Record| record.desired.run == *run && question(record).is_some();
            let is_asked = |guest: &GuestKey| states.record(*guest).is_some_and(is_of_run);
            let asks = members.as_ref().is_ok_and(|members| members.iter().any(is_asked));
            if !asks && let Some(told) = approve::past(hand, run, asked).await? {
                return Ok(told);
            }
            members?.into_iter().filter(is_asked).collect()
        }
    };
    let mut told = Told { text: String::new(), code: 0 };
    if guests.is_empty() {
        told.text.push_str("nothing is asked\n");
    }
    let mut open = Vec::new();
    for guest in guests {
        let Some(record) = states.record(guest) else { continue };
        let is_seen = |question: &&str| asked.is_none_or(|asked| asked == *question);
        match question(record).filter(is_seen) {
            Some(question) => open.push(Seen {
                guest,
                revision: record.desired.revision,
                question: question.to_owned(),
            }),
            None => told.not_any_more(hand, record, asked).await?,
        }
    }
    let keys: Vec<_> = open.iter().map(|seen| seen.guest).collect();
    let appended = hand
        .bus
        .ask(hand.setup, &hand.teller, &keys, |guest, before| {
            let seen = open.iter().find(|seen| seen.guest == guest)?;
            seen.answered(before?, says, &hand.by)
        })
        .await?;
    for one in &appended {
        match (one.seq, says) {
            (None, _) => told.not_any_more(hand, &one.state, Some("")).await?,
            (Some(_), Says::Yes) => {
                let follow = words::follow(&one.state.desired.run);
                told.say(&one.state, &format!("goes on; follow it: {follow}"));
            }
            (Some(_), Says::No) => told.say(&one.state, "cancelled"),
        }
    }
    Ok(told)
}

/// Says who has answered before.
pub(super) fn faster(by: &str, yes: bool, at: DateTime<Utc>) -> String {
    let (by, said) = (words::line(by), if yes { "yes" } else { "no" });
    format!("not answered: {by} was faster, and said {said} at {}", words::time(at))
}

/// Returns what is asked about a guest.
pub(super) fn question(record: &Record) -> Option<&str> {
    match &record.work.standing {
        Standing::Blocked { question, .. } if record.is_settled() => Some(question),
        Standing::Blocked { .. }
        | Standing::Requested
        | Standing::Working
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Completed
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => None,
    }
}

impl Seen {
    /// Returns the answer, while this is still what is asked.
    fn answered(&self, record: &Record, says: Says, by: &str) -> Option<Fact> {
        let is_asked =
            record.desired.revision == self.revision && question(record) == Some(&self.question);
        let (question, by) = (self.question.clone(), by.to_owned());
        is_asked.then(|| Answered { question, yes: says == Says::Yes, by }.into())
    }
}

impl Told {
    fn say(&mut self, record: &Record, what: &str) {
        let guest = words::guest(record.guest, &words::name(record));
        // A String takes everything that is written to it.
        let _written = writeln!(self.text, "{guest}  {what}");
    }

    /// Says why nothing is answered: what is asked instead of what somebody saw, who was faster, or that
    /// nothing is asked.
    async fn not_any_more(
        &mut self,
        hand: &Hand<'_>,
        record: &Record,
        asked: Option<&str>,
    ) -> Result<(), CommandError> {
        if let Some(question) = question(record) {
            let question = words::line(question);
            self.say(record, &format!("not answered: it asks something else by now: {question}"));
            self.code = EXIT_CONFLICT;
            return Ok(());
        }
        let history = hand.bus.history(record.guest).await?;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "only an answer was faster than another"
        )]
        let faster = history.iter().rev().find_map(|(_, event)| match &event.fact {
            Fact::Answered(answered) if event.state.desired.revision == record.desired.revision => {
                Some(faster(&answered.by, answered.yes, event.time))
            }
            _ => None,
        });
        let is_late = asked.is_some() || faster.is_some() && !record.is_complete();
        if is_late {
            self.code = EXIT_CONFLICT;
        }
        let nothing = || format!("asks nothing: {}", record.work.standing);
        self.say(record, &faster.filter(|_| is_late).unwrap_or_else(nothing));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{asked, claimed, question as asks, then};
    use crate::asking::{self, Asking};

    #[test]
    fn only_what_was_seen_is_answered_however_often_others_were_faster() {
        let now = asks(&claimed(&asked(902, "r-0001")));
        let text = question(&now.state).unwrap().to_owned();
        let seen = Seen { guest: now.state.guest, revision: 1, question: text.clone() };
        let answer = |record: &Record| seen.answered(record, Says::No, "kim");

        let no = answer(&now.state).unwrap();
        assert_eq!(no, Answered { question: text, yes: false, by: "kim".to_owned() }.into());
        let taken = then(&now, no);
        assert_eq!(answer(&taken.state), None, "somebody answered");
        let other = Seen { guest: seen.guest, revision: 1, question: "another one?".to_owned() };
        assert_eq!(other.answered(&now.state, Says::Yes, "kim"), None);
        let (run, by) = ("r-0002".parse().unwrap(), "kim".to_owned());
        let retry = Asking { run, by, trusts_log: false, hold_s: None };
        let again = asking::again(&taken.state.desired, &retry, &taken.state);
        let anew = asks(&claimed(&then(&taken, again)));
        assert_eq!(answer(&anew.state), None, "it was asked for since, and asks the same");
    }
}
