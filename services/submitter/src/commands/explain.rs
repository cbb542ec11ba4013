//! `phoenix explain`: why a guest or a run is not well, the story of an incident, the page of a code.

use std::fmt::Write as _;

use phoenix_bus::Bus;
use phoenix_config::Code;
use phoenix_domain::{GuestKey, RunId, Vmid};
use serde_json::json;

use crate::capsule::{Capsule, Material};
use crate::cli::{ExplainArgs, ExplainFormat, Named};
use crate::error::CommandError;
use crate::output::Output;
use crate::runs::{self, Run};
use crate::session;
use crate::states::States;
use crate::status::Around;
use crate::words;

pub(super) fn run(args: &ExplainArgs, output: &mut Output) -> Result<u8, CommandError> {
    let Some(name) = &args.what else {
        for code in Code::all() {
            output.data(&format!("{code}  {:<7}  {}\n", code.level.word(), code.title))?;
        }
        return Ok(0);
    };
    if let Some(named) = Named::of(name) {
        return session::run(async {
            match named {
                Named::Guest(vmid) => guest(args, vmid, output).await,
                Named::Run(id) => explain_run(args, &id, output).await,
            }
        });
    }
    let digits =
        name.get(..3).filter(|start| start.eq_ignore_ascii_case("PHX")).map(|_| &name[3..]);
    let is_code = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_code && let Ok(incident) = name.parse() {
        return super::health::explain(&incident, args, output);
    }
    let code = Code::find(name).ok_or_else(|| CommandError::NoSuchCode { code: name.clone() })?;
    match args.output {
        ExplainFormat::Text | ExplainFormat::Md => output.data(code.page)?,
        ExplainFormat::Json => print(
            &json!({
                "apiVersion": "phoenix.dev/v1", "kind": "Code", "code": code.to_string(),
                "level": code.level.word(), "title": code.title, "page": code.page,
            }),
            output,
        )?,
    }
    Ok(0)
}

async fn guest(args: &ExplainArgs, vmid: Vmid, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let guests = states.named(&[vmid])?;
    for capsule in capsules(&session.bus, &states, &guests).await? {
        match args.output {
            ExplainFormat::Text => output.data(&capsule.text())?,
            ExplainFormat::Md => output.data(&capsule.markdown())?,
            ExplainFormat::Json => print(
                &json!({ "apiVersion": "phoenix.dev/v1", "kind": "Capsule", "capsule": capsule }),
                output,
            )?,
        }
    }
    Ok(0)
}

async fn explain_run(
    args: &ExplainArgs,
    id: &RunId,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let run = runs::one(&session.bus, &states, id).await?;
    let is_of_run =
        |guest: &GuestKey| states.record(*guest).is_some_and(|record| record.desired.run == *id);
    let (own, since): (Vec<_>, Vec<_>) = run.guests.iter().copied().partition(is_of_run);
    let capsules = capsules(&session.bus, &states, &own).await?;
    let head = head(&run, &states, &since);
    match args.output {
        ExplainFormat::Json => print(
            &json!({
                "apiVersion": "phoenix.dev/v1", "kind": "CapsuleList", "run": run,
                "state": runs::state(&run, &states), "askedForSince": since, "capsules": capsules,
            }),
            output,
        )?,
        ExplainFormat::Text | ExplainFormat::Md => {
            let is_markdown = args.output == ExplainFormat::Md;
            let mut text = if is_markdown { format!("## {head}") } else { head };
            if capsules.iter().all(Capsule::is_well) {
                // A String takes everything that is written to it.
                let _written = writeln!(
                    text,
                    "nothing is wrong with it\nnext: `phoenix trace {id}` shows what took how long"
                );
            }
            for capsule in capsules.iter().filter(|capsule| !capsule.is_well()) {
                text.push('\n');
                text.push_str(&if is_markdown { capsule.markdown() } else { capsule.text() });
            }
            output.data(&text)?;
        }
    }
    Ok(0)
}

/// Says what a run is, and of which of its guests something else was wanted since.
fn head(run: &Run, states: &States, since: &[GuestKey]) -> String {
    let (state, by) = (runs::state(run, states), words::line(&run.by));
    let mut head = format!("run {} by {by} at {}: {state}\n", run.id, words::time(run.time));
    if !since.is_empty() {
        let since: Vec<_> = since.iter().map(|guest| guest.vmid.to_string()).collect();
        // A String takes everything that is written to it.
        let _written = writeln!(head, "something else was asked of {} since", words::list(&since));
    }
    head
}

async fn capsules(
    bus: &Bus,
    states: &States,
    guests: &[GuestKey],
) -> Result<Vec<Capsule>, CommandError> {
    let hosts = bus.hosts().await?;
    let around = Around { states, hosts: Some(&hosts), now: session::now() };
    let material = Material::read(bus, around).await?;
    let mut capsules = Vec::new();
    for guest in guests {
        let Some(record) = states.record(*guest) else { continue };
        let history: Vec<_> =
            bus.history(*guest).await?.into_iter().map(|(_, event)| event).collect();
        capsules.push(Capsule::of(record, &history, &material));
    }
    Ok(capsules)
}

fn print(document: &serde_json::Value, output: &mut Output) -> Result<(), CommandError> {
    output.data(&format!("{}\n", serde_json::to_string_pretty(document)?))?;
    Ok(())
}
