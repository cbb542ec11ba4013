//! Findings as programs read them.

use serde::Serialize;
use serde_json::{Value, json};

use super::lines::Lines;
use crate::code::{Code, Level};
use crate::load::Loaded;
use crate::place::Place;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    kind: &'static str,
    guests: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: String,
    level: Level,
    message: &'a str,
    #[serde(flatten)]
    place: Spot,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    also: Vec<Other<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    help: &'a [String],
}

#[derive(Serialize)]
struct Other<'a> {
    #[serde(flatten)]
    place: Spot,
    label: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spot {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// Renders every finding as one JSON document.
pub fn as_json(loaded: &Loaded) -> Result<String, serde_json::Error> {
    let lines = Lines::of(&loaded.sources);
    let findings = loaded
        .findings
        .iter()
        .map(|finding| Entry {
            code: finding.code.to_string(),
            level: finding.level(),
            message: &finding.message,
            place: spot(&finding.place, loaded, &lines),
            label: finding.label.as_deref(),
            also: finding
                .also
                .iter()
                .map(|(place, label)| Other { place: spot(place, loaded, &lines), label })
                .collect(),
            help: &finding.help,
        })
        .collect();
    serde_json::to_string_pretty(&Report {
        api_version: "phoenix.dev/v1",
        kind: "CheckReport",
        guests: loaded.guests,
        errors: loaded.count(Level::Error),
        warnings: loaded.count(Level::Warning),
        notes: loaded.count(Level::Note),
        findings,
    })
}

/// Renders every finding as SARIF 2.1.0, which code hosts show beside the lines.
pub fn as_sarif(loaded: &Loaded) -> Result<String, serde_json::Error> {
    let lines = Lines::of(&loaded.sources);
    let location = |place: &Place| {
        let spot = spot(place, loaded, &lines);
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": spot.file },
            "region": {
                "startLine": spot.line,
                "startColumn": spot.column,
                "endLine": spot.end_line,
                "endColumn": spot.end_column,
            },
        }})
    };
    let results: Vec<Value> = loaded
        .findings
        .iter()
        .map(|finding| {
            let mut message = finding.message.clone();
            for help in &finding.help {
                message.push_str("\nhelp: ");
                message.push_str(help);
            }
            let related: Vec<Value> = finding
                .also
                .iter()
                .map(|(place, what)| {
                    let mut location = location(place);
                    if let Some(location) = location.as_object_mut() {
                        location.insert("message".to_owned(), json!({ "text": what }));
                    }
                    location
                })
                .collect();
            json!({
                "ruleId": finding.code.to_string(),
                "level": finding.level(),
                "message": { "text": message },
                "locations": [location(&finding.place)],
                "relatedLocations": related,
            })
        })
        .collect();
    let rules: Vec<Value> = Code::all()
        .map(|code| {
            json!({
                "id": code.to_string(),
                "shortDescription": { "text": code.title },
                "help": { "text": code.page, "markdown": code.page },
                "defaultConfiguration": { "level": code.level },
            })
        })
        .collect();
    serde_json::to_string_pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "phoenix",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn spot(place: &Place, loaded: &Loaded, lines: &Lines<'_>) -> Spot {
    let file = match loaded.sources.get(place.file) {
        Some(source) => source.path().display().to_string(),
        None => place.file.name().to_owned(),
    };
    let (start, end) = lines.positions(place);
    Spot {
        file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
