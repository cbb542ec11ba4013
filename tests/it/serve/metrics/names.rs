//! That those who name metrics name those that there are: the page for people, the rules and the dashboard.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::super::Served;
use super::{families, metrics, promql, rules};
use crate::program::repository;
use crate::verbs::site::Site;

/// Returns the names in the table of the page, with what they are.
fn of_page() -> Vec<(String, String)> {
    let page = fs::read_to_string(repository("docs/metrics.md")).unwrap();
    let (_, table) = page.split_once("| metric | kind | labels | it says |\n").unwrap();
    let lines = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let each = lines.map(|line| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let name = cells.next().unwrap().trim_matches('`').to_owned();
        (name, cells.next().unwrap().to_owned())
    });
    each.collect()
}

/// Returns all queries of the dashboard.
fn of_dashboard() -> Vec<String> {
    let file = fs::read_to_string(repository("deploy/grafana/phoenix.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&file).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let asked = dashboard["templating"]["list"].as_array().unwrap().iter();
    let asked = asked.filter(|one| one["type"] == "query").map(|one| {
        let query = one["query"].as_str().unwrap().strip_prefix("label_values(").unwrap();
        query.split(',').next().unwrap().to_owned()
    });
    queries.chain(asked).collect()
}

#[tokio::test]
async fn no_metric_is_told_that_is_not_described_and_none_described_that_is_not_told() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;

    let (_, text) = metrics(&served, "text/plain").await;

    let of = |all: Vec<(String, String)>| all.into_iter().collect::<BTreeSet<_>>();
    let told = families(&text).into_iter().map(|(name, kind)| {
        // In the older text there is no kind for it.
        let kind = if name == "phoenix_build_info" { "info".to_owned() } else { kind };
        (name, kind)
    });
    assert_eq!(of(told.collect()), of(of_page()));
}

#[tokio::test]
async fn the_rules_and_the_dashboard_name_no_metric_that_is_not_told() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let rules = fs::read_to_string(repository("deploy/prometheus/phoenix.rules.yml")).unwrap();
    let of_rules = rules::each(&rules, "expr: ").into_iter().map(str::to_owned);

    let (_, text) = metrics(&served, "text/plain").await;

    let told = families(&text);
    let mut seen = BTreeSet::new();
    for query in of_rules.chain(of_dashboard()) {
        let names = promql::metrics(&query);
        assert!(!names.is_empty(), "{query}");
        for name in names {
            let is_told = told.iter().any(|(known, kind)| {
                let of_histogram = ["_bucket", "_sum", "_count"].map(|end| format!("{known}{end}"));
                if kind == "histogram" { of_histogram.contains(&name) } else { *known == name }
            });
            // Prometheus itself says whether it gets an answer.
            assert!(is_told || name == "up", "{name} of `{query}` is told by nobody");
            seen.insert(name);
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
}
