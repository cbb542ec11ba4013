//! `phoenix plan`: what would be done, in which order.

use std::fmt::Write;

use phoenix_config::CheckedFleet;
use phoenix_domain::{
    Cause, EventKind, GuestKey, GuestSpec, Job, Origin, Phase, SpecDigest, Step, Verb, Vmid,
};
use serde::Serialize;

use super::live;
use crate::ahead::{self, Known};
use crate::cli::{GraphFormat, PlanArgs, PlanFormat};
use crate::config;
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &PlanArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    let fleet = config::fleet(&loaded)?;
    let verb = Verb::Create;
    let named = once_each(&args.guests);
    let known = match (args.graph, args.offline) {
        (None, false) => live::known(args, &loaded, fleet, &named, output)?,
        (Some(GraphFormat::Dot), _) | (None, true) => None,
    };
    let plan = match (args.graph, args.output, &known) {
        (Some(GraphFormat::Dot), _, _) => dot(fleet, verb, &named)?,
        (None, PlanFormat::Text, None) => text(fleet, verb, &named)?,
        (None, PlanFormat::Text, Some(known)) => ahead::text(known),
        (None, PlanFormat::Json, known) => {
            json(fleet, verb, &named, known.as_deref().unwrap_or_default())?
        }
    };
    output.data(&plan)?;
    Ok(live::exit_code(known.as_deref(), args.exit_code))
}

/// Returns what was typed without repetitions.
pub(super) fn once_each(typed: &[Vmid]) -> Vec<Vmid> {
    let mut named = Vec::new();
    for vmid in typed {
        if !named.contains(vmid) {
            named.push(*vmid);
        }
    }
    named
}

/// Renders a plan for people.
pub(super) fn text(
    fleet: &CheckedFleet,
    verb: Verb,
    named: &[Vmid],
) -> Result<String, CommandError> {
    let order = order(fleet, verb, named)?;
    let mut text = String::new();
    for vmid in named {
        tree(fleet, *vmid, &mut text);
    }
    let guests = if order.len() == 1 { "guest" } else { "guests" };
    line(&mut text, &format!("\n{} {guests}, in this order:", order.len()));
    for (nth, guest) in order.iter().enumerate() {
        line(&mut text, &format!("\n{:3}. {}  {}", nth + 1, title(guest), origin(guest)));
        for (phase, steps) in by_phase(&guest.way()) {
            line(&mut text, &format!("     {phase:<11}  {}", steps.join(", ")));
        }
    }
    line(&mut text, "\nWould be published, in the same order:\n");
    for guest in &order {
        let digest = SpecDigest::of(guest);
        let why = match cause(fleet, guest, named) {
            Cause::Submitted => "asked for".to_owned(),
            Cause::StoodOnBy(above) => format!("{above} stands on it"),
            Cause::Retried => "another attempt".to_owned(),
            Cause::UpstreamsChanged => "where it leads to has changed".to_owned(),
            Cause::Repair { reason, .. } => reason,
        };
        let key = GuestKey::from(*guest).to_string();
        line(
            &mut text,
            &format!("  {}  {key:<13}  {}  {why}", EventKind::Requested, digest.short()),
        );
    }
    line(
        &mut text,
        "\nThis plan is made from the files alone: no host was asked what is there already.",
    );
    Ok(text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    api_version: &'static str,
    kind: &'static str,
    verb: Verb,
    requested: &'a [Vmid],
    order: Vec<Planned<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    vmid: Vmid,
    name: &'a str,
    stands_on: Vec<Vmid>,
    steps: Vec<PlannedStep>,
    publishes: Published,
    /// What the worker of its host foresees; absent where no host was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct PlannedStep {
    name: String,
    reaches: Phase,
}

#[derive(Serialize)]
struct Published {
    event: EventKind,
    guest: String,
    digest: SpecDigest,
    job: Job,
}

fn json(
    fleet: &CheckedFleet,
    verb: Verb,
    named: &[Vmid],
    known: &[Known],
) -> Result<String, CommandError> {
    let order = order(fleet, verb, named)?
        .into_iter()
        .map(|guest| {
            let steps = guest.way();
            Ok(Planned {
                vmid: guest.vmid,
                name: guest.name.as_str(),
                stands_on: guest.stands_on().collect(),
                steps: steps
                    .iter()
                    .map(|step| PlannedStep {
                        name: step.name().to_string(),
                        reaches: step.reaches(),
                    })
                    .collect(),
                publishes: Published {
                    event: EventKind::Requested,
                    guest: GuestKey::from(guest).to_string(),
                    digest: SpecDigest::of(guest),
                    job: Job { guest: guest.clone(), cause: cause(fleet, guest, named) },
                },
                ahead: known
                    .iter()
                    .find(|known| known.guest == GuestKey::from(guest))
                    .map(ahead::json),
            })
        })
        .collect::<Result<Vec<_>, serde_json::Error>>()?;
    let plan = Plan { api_version: "phoenix.dev/v1", kind: "Plan", verb, requested: named, order };
    Ok(format!("{}\n", serde_json::to_string_pretty(&plan)?))
}

fn dot(fleet: &CheckedFleet, verb: Verb, named: &[Vmid]) -> Result<String, CommandError> {
    let order = order(fleet, verb, named)?;
    let mut text = String::from("digraph plan {\n  rankdir = BT;\n  node [shape = box];\n");
    for guest in &order {
        let mark = if named.contains(&guest.vmid) { ", penwidth = 2" } else { "" };
        line(&mut text, &format!("  {} [label = \"{}\"{mark}];", guest.vmid, title(guest)));
    }
    for guest in &order {
        if let Some(parent) = guest.parent() {
            line(&mut text, &format!("  {} -> {parent} [label = \"cloned from\"];", guest.vmid));
        }
        for dependency in &guest.dependencies {
            line(
                &mut text,
                &format!(
                    "  {} -> {dependency} [label = \"depends on\", style = dashed];",
                    guest.vmid
                ),
            );
        }
    }
    text.push_str("}\n");
    Ok(text)
}

pub(super) fn order<'f>(
    fleet: &'f CheckedFleet,
    verb: Verb,
    named: &[Vmid],
) -> Result<Vec<&'f GuestSpec>, CommandError> {
    fleet.order(verb, named).map_err(|err| match err {
        phoenix_domain::FleetError::Unknown(asked) => {
            CommandError::NoSuchGuest { asked, near: Vec::new() }
        }
        // A checked fleet has neither of these.
        phoenix_domain::FleetError::Twice(_)
        | phoenix_domain::FleetError::Missing { .. }
        | phoenix_domain::FleetError::Circle(_) => {
            CommandError::Refused { errors: 1, first: String::new() }
        }
    })
}

/// Writes a guest and what it stands on. What was shown above is not shown again.
fn tree(fleet: &CheckedFleet, root: Vmid, text: &mut String) {
    let mut shown = std::collections::HashSet::new();
    // Each entry: the guest, how its line begins, how the lines below it begin.
    let mut open = vec![(root, String::new(), String::new())];
    while let Some((vmid, lead, below)) = open.pop() {
        let Some(guest) = fleet.guest(vmid) else { continue };
        let is_new = shown.insert(vmid);
        let again = if is_new || guest.stands_on().next().is_none() { "" } else { "  (see above)" };
        line(text, &format!("{lead}{}{again}", title(guest)));
        if !is_new {
            continue;
        }
        let parent = guest.parent().map(|parent| (parent, "cloned from "));
        let edges: Vec<_> = parent
            .into_iter()
            .chain(guest.dependencies.iter().map(|dependency| (*dependency, "depends on ")))
            .collect();
        let last = edges.len().saturating_sub(1);
        for (nth, (next, how)) in edges.into_iter().enumerate().rev() {
            let (branch, rest) =
                if nth == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push((next, format!("{below}{branch}{how}"), format!("{below}{rest}")));
        }
    }
}

/// Says why a guest is part of a request.
pub(super) fn cause(fleet: &CheckedFleet, guest: &GuestSpec, named: &[Vmid]) -> Cause {
    if named.contains(&guest.vmid) {
        return Cause::Submitted;
    }
    let above = named.iter().copied().find(|vmid| {
        fleet
            .order(Verb::Create, &[*vmid])
            .is_ok_and(|order| order.iter().any(|below| below.vmid == guest.vmid))
    });
    above.map_or(Cause::Submitted, Cause::StoodOnBy)
}

fn by_phase(steps: &[Box<dyn Step>]) -> Vec<(Phase, Vec<String>)> {
    let mut phases: Vec<(Phase, Vec<String>)> = Vec::new();
    for step in steps {
        match phases.last_mut() {
            Some((phase, names)) if *phase == step.reaches() => names.push(step.name().to_string()),
            Some(_) | None => phases.push((step.reaches(), vec![step.name().to_string()])),
        }
    }
    phases
}

fn title(guest: &GuestSpec) -> String {
    format!("{} {}", guest.vmid, guest.name)
}

fn origin(guest: &GuestSpec) -> String {
    match &guest.origin {
        Origin::Template { archive } => format!("{} from {archive}", guest.kind()),
        Origin::Clone { parent } => format!("{} cloned from {parent}", guest.kind()),
        Origin::CloudImage { image } => format!("{} from {image}", guest.kind()),
    }
}

fn line(text: &mut String, line: &str) {
    // A String takes everything that is written to it.
    let _written = writeln!(text, "{line}");
}
