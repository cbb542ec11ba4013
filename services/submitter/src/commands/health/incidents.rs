//! `phoenix incidents` and `phoenix explain INCIDENT`: what is wrong, what was tried, what comes next.

use chrono::Utc;
use phoenix_bus::Outlook;
use phoenix_domain::health::{
    Ack, AckEnd, Danger, Incident, IncidentId, Maintenance, Root, Selector,
};
use serde_json::json;

use super::{orders, outlook};
use crate::cli::{ExplainArgs, ExplainFormat, IncidentsArgs, ListFormat};
use crate::commands::answer;
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::states::States;
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
                match incident.acked().filter(|_| incident.is_open()) {
                    Some(ack) => format!("seen by {}", words::line(&ack.by)),
                    None if incident.is_open() => "open".to_owned(),
                    None => "over".to_owned(),
                },
                words::line(&incident.text),
            ]
        })
        .collect();
    table::table(["INCIDENT", "SEVERITY", "FOR", "STATE", "WHAT"], &rows)
}

/// Tells the whole story of an incident.
pub(in crate::commands) fn explain(
    id: &IncidentId,
    args: &ExplainArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(&args.connect).await?;
        let incidents = bus.incidents().await?;
        let incident = incidents.iter().find(|incident| incident.id == *id);
        let incident =
            incident.ok_or_else(|| CommandError::NoSuchIncident { incident: id.to_string() })?;
        // Its story is told without a monitor too; only the monitor knows who is at it now.
        let outlook = outlook(&bus).await.ok();
        let maintained = maintained(incident, outlook.as_ref());
        let asked = asked(incident, &States::read(&bus).await?);
        match args.output {
            ExplainFormat::Text => output.data(&story(incident, &maintained, &asked))?,
            // What others said stays within the fence: a line of theirs is indented by ours.
            ExplainFormat::Md => {
                let story = story(incident, &maintained, &asked);
                output.data(&format!("```text\n{story}```\n"))?;
            }
            ExplainFormat::Json => {
                let document = json!({
                    "apiVersion": "phoenix.dev/v1", "kind": "Incident", "incident": incident,
                    "inMaintenance": maintained,
                });
                output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
            }
        }
        Ok(0)
    })
}

/// Returns the times of maintenance that what an incident is about is in.
fn maintained(incident: &Incident, outlook: Option<&Outlook>) -> Vec<String> {
    let Some(outlook) = outlook.filter(|_| incident.is_open()) else { return Vec::new() };
    let now = Utc::now();
    let concerns = |window: &&Maintenance| {
        let host = match &incident.root {
            Root::Ground(ground) => ground.host(),
            Root::Monitor | Root::Breaker | Root::Guest(_) => None,
        };
        let is_shut = match &window.selector {
            Selector::All => true,
            Selector::Host(one) => Some(one) == host,
            Selector::Guest(_) => false,
        };
        let guests = outlook.guests.iter().filter(|seen| incident.guests.contains(&seen.guest));
        let mut guests = guests.map(|seen| orders::is_in(window, seen.guest, &seen.host));
        window.is_on(now) && (is_shut || guests.any(|is_in| is_in))
    };
    outlook.maintenance.iter().filter(concerns).map(orders::sentence).collect()
}

/// Says who has seen an incident, when, and until when that held.
pub(super) fn seen_by(ack: &Ack) -> String {
    let why = ack.why.as_ref().map_or_else(String::new, |why| format!(": {}", words::line(why)));
    let end = match &ack.ended {
        None => String::new(),
        Some(AckEnd { at, by: Some(by) }) => {
            format!("; taken back by {} at {}", words::line(by), words::time(*at))
        }
        Some(AckEnd { at, by: None }) => {
            format!("; it has become worse since, at {}", words::time(*at))
        }
    };
    format!("{} at {}{why}{end}", words::line(&ack.by), words::time(ack.at))
}

/// Returns what humans are asked about the guests of an incident, and how it is answered.
fn asked(incident: &Incident, states: &States) -> Vec<String> {
    let records = incident.guests.iter().filter_map(|guest| states.record(*guest));
    let asked = records.filter(|_| incident.is_open()).filter_map(|record| {
        let question = words::line(answer::question(record)?);
        Some(format!("{}: {question}; {}", record.guest.vmid, words::remedy(record)))
    });
    asked.collect()
}

fn story(incident: &Incident, maintained: &[String], asked: &[String]) -> String {
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
        ("seen by", incident.acks.iter().map(seen_by).collect::<Vec<_>>().join("\n")),
        ("in maintenance", maintained.join("\n")),
        ("asked of you", asked.join("\n")),
    ]);
    format!("{}  {}\n{rows}", incident.id, words::line(&incident.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::site;

    #[test]
    fn a_story_has_what_is_asked_about_its_guests_and_how_that_is_answered() {
        let incident: Incident = serde_json::from_value(json!({
            "id": "7F3K2A", "root": { "is": "guest", "at": "lxc-902" }, "reason": "hung",
            "severity": "page", "text": "902 hangs", "opened": "2026-11-22T10:00:00Z",
            "updated": "2026-11-22T10:00:00Z", "guests": ["lxc-902", "lxc-901"], "evidence": [],
            "tried": [], "next": { "action": "none", "why": "a human is asked" }, "commands": [],
        }))
        .unwrap();

        let asked = asked(&incident, &States::of(site()));

        assert_eq!(asked.len(), 1, "901 asks nothing: {asked:?}");
        let story = story(&incident, &[], &asked);
        assert!(story.contains("asked of you  902: there is a container 902"), "{story}");
        assert!(story.contains("`phoenix answer 902 yes` has it go on"), "{story}");
    }
}
