//! The rules, as Prometheus itself judges them.

use std::fs;

use super::kit::promtool;
use crate::program::repository;

/// Returns what follows `key` in the lines of a file.
pub(super) fn each<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).collect()
}

#[test]
fn prometheus_takes_the_rules_and_how_to_scrape() {
    let folder = repository("deploy/prometheus");

    let checked = promtool(&["check", "rules", "phoenix.rules.yml"], &folder, "");
    // Where the rules are on a machine that scrapes is nothing to look for here.
    let scrape = ["check", "config", "--syntax-only", "scrape.example.yml"];
    let scraped = promtool(&scrape, &folder, "");

    assert!(checked.status.success(), "{checked:?}");
    assert!(scraped.status.success(), "{scraped:?}");
}

#[test]
fn each_rule_fires_when_it_should_and_is_quiet_before_and_afterwards() {
    let folder = repository("deploy/prometheus");

    let tested = promtool(&["test", "rules", "phoenix.rules.test.yml"], &folder, "");

    assert!(tested.status.success(), "{tested:?}");
    let rules = fs::read_to_string(folder.join("phoenix.rules.yml")).unwrap();
    let tests = fs::read_to_string(folder.join("phoenix.rules.test.yml")).unwrap();
    for alert in each(&rules, "- alert: ") {
        let firing = each(&tests, "alertname: ").into_iter().filter(|one| *one == alert).count();
        let quiet = format!("alertname: {alert}, exp_alerts: [] }}");
        let quiet = tests.lines().filter(|line| line.contains(&quiet)).count();
        assert!(firing >= 1 && quiet >= 2, "{alert}: fires {firing} times, quiet {quiet} times");
    }
}

#[test]
fn each_alert_says_what_to_type_and_leads_to_a_chapter_that_is_there() {
    let rules = fs::read_to_string(repository("deploy/prometheus/phoenix.rules.yml")).unwrap();
    let page = fs::read_to_string(repository("docs/metrics.md")).unwrap();
    let alerts = each(&rules, "- alert: ");

    let chapters = each(&page, "### Phoenix");
    let chapters: Vec<_> = chapters.into_iter().map(|rest| format!("Phoenix{rest}")).collect();

    assert_eq!(chapters, alerts, "the chapters of docs/metrics.md are the alerts");
    for (alert, rule) in alerts.iter().zip(rules.split("- alert: ").skip(1)) {
        let (_, description) = rule.split_once("description: ").unwrap();
        assert!(rule.contains("summary: "), "{alert}");
        assert!(
            description.contains("`phoenix ") || description.contains("`systemctl "),
            "{alert} names no command"
        );
        let runbook = format!("runbook: docs/metrics.md#{}\n", alert.to_ascii_lowercase());
        assert!(rule.contains(&runbook), "{alert}");
    }
}
