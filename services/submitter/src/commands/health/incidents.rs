//! `phoenix incidents` and `phoenix explain INCIDENT`: what is wrong, what was tried, what comes next.

use chrono::Utc;
use phoenix_domain::health::{Danger, Incident, IncidentId};
use serde_json::json;

use crate::cli::{ConnectArgs, IncidentsArgs, ListFormat};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::table;
use crate::words;

pub(in crate::commands) fn list(
    args: &IncidentsArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(&args.list.connect).await?;
        let mut incidents = bus.incidents().await?;
        incidents.retain(|incident| args.all || incident.is_open());
        match args.list.output {
            ListFormat::Text if incidents.is_empty() => output.remark("there is no incident")?,
            ListFormat::Text => output.data(&text(&incidents))?,
            ListFormat::Json => {
                let document = json!({
                    "apiVersion": "phoenix.dev/v1", "kind": "IncidentList", "incidents": incidents,
                });
                output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
            }
        }
        Ok(0)
    })
}

fn text(incidents: &[Incident]) -> String {
    let now = Utc::now();
    let rows: Vec<_> = incidents
        .iter()
        .map(|incident| {
            [
                incident.id.to_string(),
                incident.severity.to_string(),
                words::span(incident.resolved.unwrap_or(now) - incident.opened),
                if incident.is_open() { "open" } else { "over" }.to_owned(),
                words::line(&incident.text),
            ]
        })
        .collect();
    table::table(["INCIDENT", "SEVERITY", "FOR", "STATE", "WHAT"], &rows)
}

/// Tells the whole story of an incident.
pub(in crate::commands) fn explain(
    id: &IncidentId,
    connect: &ConnectArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(connect).await?;
        let incidents = bus.incidents().await?;
        let incident = incidents.iter().find(|incident| incident.id == *id);
        let incident =
            incident.ok_or_else(|| CommandError::NoSuchIncident { incident: id.to_string() })?;
        output.data(&story(incident))?;
        Ok(0)
    })
}

fn story(incident: &Incident) -> String {
    let guests: Vec<_> = incident.guests.iter().map(|guest| guest.vmid.to_string()).collect();
    let evidence = incident.evidence.iter().map(|exhibit| {
        format!(
            "{} {} of {}: {} ({}, {})",
            words::time(exhibit.at),
            exhibit.probe,
            exhibit.guest.vmid,
            exhibit.found.words(),
            words::line(&exhibit.evidence.asked),
            words::line(&exhibit.evidence.came),
        )
    });
    let tried = incident.tried.iter().map(|tried| words::line(&tried.sentence()));
    let tried = tried.collect::<Vec<_>>();
    let commands = incident.commands.iter().map(|command| {
        let danger = match command.danger {
            Danger::Read | Danger::Safe => "",
            Danger::Destructive => " (stops or changes a guest)",
        };
        format!("{}  # {}{danger}", command.line, command.label)
    });
    let over = incident.resolved.map(|at| format!("over at {}", words::time(at)));
    let rows = table::rows(&[
        ("state", over.unwrap_or_else(|| "open".to_owned())),
        ("severity", incident.severity.to_string()),
        ("since", words::time(incident.opened)),
        ("cause", incident.root.to_string()),
        ("reason", format!("{}: {}", incident.reason, incident.reason.words())),
        ("guests", guests.join(", ")),
        ("evidence", evidence.collect::<Vec<_>>().join("\n")),
        ("tried", if tried.is_empty() { "nothing yet".to_owned() } else { tried.join("\n") }),
        ("next", words::line(&incident.next.sentence())),
        ("do", commands.collect::<Vec<_>>().join("\n")),
        ("seen by", incident.acked.clone().unwrap_or_default()),
    ]);
    format!("{}  {}\n{rows}", incident.id, words::line(&incident.text))
}
