//! `phoenix drift`: what on the host is otherwise than it was made.

use std::fmt::Write as _;

use phoenix_domain::{GuestKey, Record};
use serde_json::{Value, json};

use crate::ahead::{self, Known, Subject};
use crate::cli::{DriftArgs, ListFormat};
use crate::error::{CommandError, EXIT_DIFFERS, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

pub(super) fn run(args: &DriftArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(look(args, output))
}

async fn look(args: &DriftArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let named = if args.guests.is_empty() {
        let expected =
            |record: &&Record| record.lasting().is_some_and(phoenix_domain::Goal::leaves_a_guest);
        states.records().filter(expected).map(|record| record.guest).collect()
    } else {
        states.named(&args.guests)?
    };
    let mut subjects = Vec::new();
    for guest in named {
        let Some(record) = states.record(guest) else { continue };
        match subject(record) {
            Some(subject) => subjects.push(subject),
            None => output.remark(&format!(
                "{} was not looked at: it is {}, and nothing certain is expected of it",
                words::guest(guest, &words::name(record)),
                record.work.standing,
            ))?,
        }
    }
    let known = ahead::ask(&session.bus, &subjects).await;
    match args.output {
        ListFormat::Text if known.is_empty() => output.remark("no guest is complete yet")?,
        ListFormat::Text => output.data(&text(&known))?,
        ListFormat::Json => {
            let guests: Vec<_> = known.iter().map(to_json).collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "DriftList", "guests": guests,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(exit_code(&known))
}

/// Returns a guest as it was made, where something is expected of it.
fn subject(record: &Record) -> Option<Subject> {
    Some(Subject {
        guest: record.guest,
        name: words::name(record),
        host: record.desired.host.clone(),
        spec: Box::new(record.desired.spec.read().ok()?),
        goal: record.lasting()?,
        parent: None,
    })
}

fn drift(known: &Known) -> Vec<String> {
    known.said.as_ref().map(phoenix_bus::Forecast::drift).unwrap_or_default()
}

/// Drift that was found counts for more than guests of which nothing is known.
fn exit_code(known: &[Known]) -> u8 {
    if known.iter().any(|one| !drift(one).is_empty()) {
        return EXIT_DIFFERS;
    }
    if known.iter().any(|one| one.said.is_err()) { EXIT_UNAVAILABLE } else { 0 }
}

fn text(known: &[Known]) -> String {
    let mut text = String::new();
    let (mut drifted, mut unknown) = (0, 0);
    for one in known {
        let title = words::guest(one.guest, &one.name);
        // A String takes everything that is written to it.
        match &one.said {
            Ok(forecast) => {
                let changes = forecast.drift();
                if changes.is_empty() {
                    continue;
                }
                drifted += 1;
                let _written = writeln!(text, "{title} on {} drifted; to mend it:", one.host);
                for change in changes {
                    let _written = writeln!(text, "  {}", words::line(&change));
                }
            }
            Err(why) => {
                unknown += 1;
                let _written = writeln!(text, "{title} on {} is not known", one.host);
                let _written =
                    writeln!(text, "  {}; {}", words::line(&why.why), words::line(&why.advice));
            }
        }
    }
    let count = words::count(known.len(), "guest", "guests");
    let _written = match (drifted, unknown) {
        (0, 0) => writeln!(text, "{count} looked at: no drift"),
        (_, 0) => writeln!(text, "{count} looked at: {drifted} drifted; nothing was repaired"),
        (_, _) => writeln!(text, "{count} asked about: {drifted} drifted, {unknown} not known"),
    };
    text
}

fn to_json(known: &Known) -> Value {
    let guest: GuestKey = known.guest;
    json!({
        "guest": guest,
        "vmid": guest.vmid,
        "name": known.name,
        "drift": drift(known),
        "ahead": ahead::json(known),
    })
}
