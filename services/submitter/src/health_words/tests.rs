use phoenix_domain::health::{AboutIncident, HealthEvent, Severity};

use super::*;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../crates/domain/tests/events/health/v1/", $name, ".json"))
    };
}

fn news(sample: &str) -> HealthNews {
    HealthNews::read(sample.as_bytes()).unwrap()
}

fn updated(change: impl Fn(&mut Incident)) -> HealthNews {
    let mut event =
        HealthEvent::<AboutIncident>::read(sample!("incident.updated").as_bytes()).unwrap();
    change(&mut event.data.incident);
    HealthNews::Incident(event)
}

fn lines(told: &[HealthNews]) -> String {
    let mut words = HealthWords::default();
    let lines: Vec<_> = told.iter().map(|news| words.line(news, |_| "web")).collect();
    lines.join("\n")
}

#[test]
fn everything_that_is_told_of_health_is_told_on_one_line() {
    let told = [
        news(sample!("health.turned")),
        news(sample!("incident.opened")),
        news(sample!("incident.updated")),
        news(sample!("incident.resolved")),
        news(sample!("channel.silent")),
        news(sample!("channel.delivers")),
    ];
    insta::assert_snapshot!(lines(&told));
}

#[test]
fn what_is_new_of_an_incident_is_what_is_otherwise_than_before() {
    let quiet = updated(|incident| {
        (incident.severity, incident.acks) = (Severity::Warn, Vec::new());
        incident.resolved = None;
    });
    let worse = updated(|incident| {
        (incident.severity, incident.acks) = (Severity::Page, Vec::new());
        incident.resolved = None;
    });
    let lines = lines(&[quiet, worse.clone(), worse]);
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines[0].contains("  warn: "), "{lines:?}");
    assert!(lines[1].contains("  escalated from warn to page: "), "{lines:?}");
    assert!(lines[2].contains("  page: "), "{lines:?}");
}

#[test]
fn what_somebody_else_wrote_moves_no_cursor() {
    let told = updated(|incident| {
        incident.acks = Vec::new();
        incident.text = "nginx\u{1b}[2J\r\nis gone".to_owned();
    });
    let line = lines(&[told]);
    assert!(line.ends_with("nginx is gone") && !line.contains(['\u{1b}', '\n']), "{line:?}");
}
