//! `phoenix retry`: asks for guests once more, as they were last asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_bus::{Appended, From};
use phoenix_domain::{GuestKey, Record, RunId};

use crate::asking::{self, Answer, Asking};
use crate::cli::{FollowFormat, RetryArgs};
use crate::error::CommandError;
use crate::follow;
use crate::output::Output;
use crate::session::{self, Hand};
use crate::states::States;
use crate::words;

pub(super) fn run(args: &RetryArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(retry(args, output))
}

async fn retry(args: &RetryArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let tail = session.bus.tail(From::Now).await?;
    let states = States::read(&session.bus).await?;
    let guests = states.named(&args.guests)?;
    let (run, appended) = again(&session.hand(&args.who), &guests, args.trust_log).await?;
    let is_text = args.live.output == FollowFormat::Text && !args.detach;
    let text = text(&run, &appended);
    if is_text {
        output.data(&text)?;
    } else {
        output.remark(text.trim_end())?;
    }

    let asked: BTreeMap<_, (u64, Record)> = appended
        .iter()
        .filter_map(|one| Some((one.guest, (one.seq?, one.state.clone()))))
        .collect();
    let watched = states.watched(&guests, &asked, session::now());
    let own = (!asked.is_empty()).then_some(&run);
    follow::warn_of_silence(&session.bus, &watched, output).await?;
    if args.detach {
        return super::tell_run(own, &watched, output);
    }
    follow::follow(&session.bus, tail, watched, own, &args.live, output).await
}

/// Asks for guests once more, in a run of its own.
pub(crate) async fn again(
    hand: &Hand<'_>,
    guests: &[GuestKey],
    trusts_log: bool,
) -> Result<(RunId, Vec<Appended>), CommandError> {
    let run = session::new_run()?;
    let asking = Asking { run: run.clone(), by: hand.by.clone(), trusts_log, hold_s: None };
    let appended = hand
        .bus
        .ask(hand.setup, &hand.teller, guests, |_, before| {
            let record = before?;
            match asking::on_retry(record) {
                Answer::Ask => Some(asking::again(&record.desired, &asking, record)),
                Answer::AsDesired | Answer::Joined | Answer::LivesElsewhere(_) => None,
            }
        })
        .await?;
    Ok((run, appended))
}

/// Says what became of it.
pub(crate) fn text(run: &RunId, appended: &[Appended]) -> String {
    let count = appended.iter().filter(|one| one.seq.is_some()).count();
    let mut text = match count {
        0 => "nothing to ask for\n".to_owned(),
        _ => format!("run {run}: {} asked for again\n", words::count(count, "guest", "guests")),
    };
    for one in appended {
        let guest = words::guest(one.guest, &words::name(&one.state));
        let desired = &one.state.desired;
        let what = match one.seq {
            None if let Some((_, letter)) = one.state.gone_back() => format!(
                "is what it was before: `phoenix dead replay {letter}` tries once more what was given up"
            ),
            Some(_) => format!("asked for again on {}", desired.host),
            None => {
                format!("being worked on by run {} of {}", desired.run, words::line(&desired.by))
            }
        };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  {guest}  {what}");
    }
    text
}
