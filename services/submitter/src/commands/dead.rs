//! `phoenix dead`: what was given up.

use phoenix_bus::{Bus, DeadLetter, Filed};
use phoenix_domain::{GuestKey, Record, RunId};
use serde_json::{Value, json};

use crate::asking::{self, Asking};
use crate::cli::{DeadCommand, DeadShowArgs, DiscardArgs, ListArgs, ListFormat, ReplayArgs};
use crate::confirm::{self, By};
use crate::error::CommandError;
use crate::letter;
use crate::output::Output;
use crate::session::{self, Hand};
use crate::states::States;
use crate::words;

pub(super) fn run(command: &DeadCommand, output: &mut Output) -> Result<u8, CommandError> {
    match command {
        DeadCommand::List(args) => session::run(list(&args.list, output)),
        DeadCommand::Show(args) => session::run(show(args, output)),
        DeadCommand::Replay(args) => session::run(replay(args, output)),
        DeadCommand::Discard(args) => session::run(discard(args, output)),
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let filed = session.bus.dead_letters().await?;
    match args.output {
        ListFormat::Text if filed.is_empty() => output.remark("no dead letters")?,
        ListFormat::Text => {
            let states = States::read(&session.bus).await?;
            output.data(&letter::list(&filed, &states))?;
        }
        ListFormat::Json => {
            let letters: Vec<_> = filed.iter().map(json).collect();
            let document = json!({ "apiVersion": "phoenix.dev/v1", "kind": "DeadLetterList", "letters": letters });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

async fn show(args: &DeadShowArgs, output: &mut Output) -> Result<u8, CommandError> {
    let seq = args.letter;
    let session = session::open(&args.list.connect, output).await?;
    let filed = find(&session.bus, seq).await?;
    match args.list.output {
        ListFormat::Json => {
            let document = json!({ "apiVersion": "phoenix.dev/v1", "kind": "DeadLetter", "letter": json(&filed) });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        ListFormat::Text => output.data(&letter::story(&filed))?,
    }
    Ok(0)
}

async fn replay(args: &ReplayArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let (title, run) = again(&session.hand(&args.who), args.letter).await?;
    output.remark(&format!("{title} is asked for again; follow it: {}", words::follow(&run)))?;
    output.data(&format!("{run}\n"))?;
    Ok(0)
}

/// Asks for the guest of a letter once more, and discards the letter. Returns what people call the
/// guest, and the run.
pub(crate) async fn again(hand: &Hand<'_>, seq: u64) -> Result<(String, RunId), CommandError> {
    let (guest, state) = replayable(find(hand.bus, seq).await?)?;
    let run = session::new_run()?;
    let asking = Asking { run: run.clone(), by: hand.by.clone(), trusts_log: false, hold_s: None };
    let appended = hand
        .bus
        .ask(hand.setup, &hand.teller, &[guest], |_, before| {
            let record = before.filter(|record| letter::is_about(seq, record))?;
            Some(asking::again(&state.desired, &asking, record))
        })
        .await?;
    let Some(one) = appended.first() else {
        let why = "nothing is in the log of its guest".to_owned();
        return Err(CommandError::NotReplayable { letter: seq, why });
    };
    if one.seq.is_none() {
        let standing = one.state.work.standing.to_string();
        return Err(CommandError::MovedOn { letter: seq, guest, standing });
    }
    // The request is what counts; a letter that stays is told from a living one by its guest.
    hand.bus.discard(seq).await?;
    Ok((words::guest(guest, &words::name(&one.state)), run))
}

async fn discard(args: &DiscardArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    for letter in &args.letters {
        find(&session.bus, *letter).await?;
    }
    let letters: Vec<_> = args.letters.iter().map(ToString::to_string).collect();
    let letters =
        format!("{} {}", if letters.len() == 1 { "letter" } else { "letters" }, letters.join(", "));
    let what = format!("discard {letters} for good");
    if !args.yes && !confirm::is_agreed(&what, &By::Yes, output)? {
        output.remark("nothing was discarded")?;
        return Ok(0);
    }
    for letter in &args.letters {
        // Somebody else may have been faster; it is gone either way.
        session.bus.discard(*letter).await?;
    }
    output.remark(&format!("discarded {letters}"))?;
    Ok(0)
}

/// Returns a letter.
pub(crate) async fn find(bus: &Bus, seq: u64) -> Result<Filed, CommandError> {
    let filed = bus.dead_letters().await?;
    let found = filed.into_iter().find(|filed| filed.seq == seq);
    found.ok_or(CommandError::NoSuchLetter { letter: seq })
}

/// Returns the guest of a letter and its state, where there is something to be asked for again.
fn replayable(filed: Filed) -> Result<(GuestKey, Record), CommandError> {
    let letter = filed.seq;
    let not = |why: String| CommandError::NotReplayable { letter, why };
    let read: DeadLetter =
        filed.letter.map_err(|cause| not(format!("it cannot be read: {cause}")))?;
    match (read.guest, read.state, read.original) {
        (Some(guest), Some(state), _) => Ok((guest, state)),
        (_, _, Some(original)) => Err(not(format!(
            "it holds a message under {} that is not ours, so there is nothing to ask for",
            words::line(&original.subject)
        ))),
        (_, _, None) => Err(not("it does not say what was wanted".to_owned())),
    }
}

fn json(filed: &Filed) -> Value {
    match &filed.letter {
        Ok(letter) => json!({ "letter": filed.seq, "content": letter }),
        Err(cause) => json!({ "letter": filed.seq, "unreadable": cause }),
    }
}
