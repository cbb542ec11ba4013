//! `phoenix drift`: what on the host is otherwise than it was made.

use std::fmt::Write as _;

use phoenix_bus::{Difference, Forecast};
use phoenix_domain::{GuestKey, Record};
use serde_json::{Value, json};

use crate::ahead::{self, Known, Subject, Unknown};
use crate::cli::{DriftArgs, ListFormat};
use crate::error::{CommandError, EXIT_DIFFERS, EXIT_FAILED, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

pub(super) fn run(args: &DriftArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(look(args, output))
}

async fn look(args: &DriftArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let named = if args.guests.is_empty() {
        states.records().filter(|record| !is_gone(record)).map(|record| record.guest).collect()
    } else {
        states.named(&args.guests)?
    };
    let (mut subjects, mut known) = (Vec::new(), Vec::new());
    for record in named.into_iter().filter_map(|guest| states.record(guest)) {
        match subject(record) {
            Ok(subject) => subjects.push(subject),
            Err(why) => known.push(Known {
                guest: record.guest,
                name: words::name(record),
                host: record.desired.host.clone(),
                said: Err(why),
            }),
        }
    }
    known.extend(ahead::ask(&session.bus, &subjects).await);
    known.sort_by_key(|one| one.guest);
    match args.list.output {
        ListFormat::Text if known.is_empty() => output.remark("no guest is expected anywhere")?,
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

pub(super) fn is_gone(record: &Record) -> bool {
    record.is_complete() && !record.desired.goal.leaves_a_guest()
}

/// Returns a guest as it was made, or why nothing certain is expected of it.
pub(super) fn subject(record: &Record) -> Result<Subject, Unknown> {
    let not_expected = |why: String, advice| Unknown { why, advice, is_silence: false };
    let vmid = record.guest.vmid;
    let goal = record.lasting().ok_or_else(|| {
        let standing = &record.work.standing;
        let why =
            format!("it is {standing}, and nothing certain is expected of it until it is complete");
        not_expected(why, format!("`phoenix status {vmid}` says what is in the way"))
    })?;
    let spec = record.desired.spec.read().map_err(|err| {
        let why = format!("its spec cannot be read by this version: {err}");
        not_expected(why, format!("`phoenix submit {vmid}` writes it anew"))
    })?;
    Ok(Subject {
        guest: record.guest,
        name: words::name(record),
        host: record.desired.host.clone(),
        spec: Box::new(spec),
        goal,
        parent: None,
    })
}

fn drift(known: &Known) -> Vec<String> {
    known.said.as_ref().map(phoenix_bus::Forecast::drift).unwrap_or_default()
}

/// Returns the exit code. Drift that was found counts for more than guests of which nothing is known,
/// and a worker that may come back for more than what will not be known without somebody's help.
fn exit_code(known: &[Known]) -> u8 {
    if known.iter().any(|one| !drift(one).is_empty()) {
        return EXIT_DIFFERS;
    }
    let unknown: Vec<_> = known.iter().filter_map(|one| one.said.as_ref().err()).collect();
    if unknown.iter().any(|unknown| unknown.is_silence) {
        return EXIT_UNAVAILABLE;
    }
    if unknown.is_empty() { 0 } else { EXIT_FAILED }
}

fn text(known: &[Known]) -> String {
    let mut text = String::new();
    let (mut drifted, mut unknown) = (0, 0);
    let mut ids = String::new();
    for one in known {
        let title = words::guest(one.guest, &one.name);
        // A String takes everything that is written to it.
        match &one.said {
            Ok(forecast) if forecast.drift().is_empty() => {}
            Ok(forecast) => {
                drifted += 1;
                let _written = write!(ids, " {}", one.guest.vmid);
                let _written = writeln!(text, "{title} on {} drifted:", one.host);
                for line in lines(forecast) {
                    let _written = writeln!(text, "  {line}");
                }
            }
            Err(why) => {
                unknown += 1;
                let _written = writeln!(text, "{title} on {} was not looked at", one.host);
                let _written =
                    writeln!(text, "  {}; {}", words::line(&why.why), words::line(&why.advice));
            }
        }
    }
    let count = words::count(known.len(), "guest", "guests");
    let looked_at = known.len() - unknown;
    let _written = match (drifted, unknown) {
        (0, 0) => writeln!(text, "{count} looked at: no drift"),
        (_, 0) => writeln!(text, "{count} looked at: {drifted} drifted; nothing was repaired"),
        (_, _) if looked_at == 0 => writeln!(text, "{count}: none looked at"),
        (0, _) => writeln!(
            text,
            "{count}: {looked_at} looked at, no drift among them; {unknown} not looked at"
        ),
        (_, _) => writeln!(
            text,
            "{count}: {looked_at} looked at, {drifted} drifted, nothing was repaired; {unknown} not looked at"
        ),
    };
    if !ids.is_empty() {
        let _written = writeln!(text, "`phoenix submit{ids}` mends it");
    }
    text
}

/// Returns what a guest drifted by, one a line.
fn lines(forecast: &Forecast) -> Vec<String> {
    let changes = forecast.certain().flat_map(|ahead| match ahead.differences.as_slice() {
        [] => vec![format!("to mend it: {}", words::line(&ahead.change))],
        differences => differences
            .iter()
            .map(|one| {
                let (what, have) = (words::line(&one.what), words::line(&one.have));
                format!("{what}: {have}, wanted {}", words::line(&one.wanted))
            })
            .collect(),
    });
    let refusal = forecast.lasting_refusal().map(|refusal| words::line(&refusal.what));
    changes.chain(refusal).collect()
}

fn to_json(known: &Known) -> Value {
    let guest: GuestKey = known.guest;
    let changes = known.said.iter().flat_map(Forecast::certain);
    let differences = changes.flat_map(|ahead| {
        let json = |one: &Difference| {
            let Difference { what, have, wanted } = one;
            json!({ "what": what, "have": have, "wanted": wanted, "change": ahead.change })
        };
        ahead.differences.iter().map(json).collect::<Vec<_>>()
    });
    json!({
        "guest": guest,
        "vmid": guest.vmid,
        "name": known.name,
        "drift": drift(known),
        "differences": differences.collect::<Vec<_>>(),
        "ahead": ahead::json(known),
    })
}
