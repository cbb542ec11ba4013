//! The metrics, and what is made of them: alerts and a dashboard.

mod kit;
mod locks;
mod names;
mod probes;
mod promql;
mod repairs;
mod rules;
mod told;
mod whole;

use std::time::Duration;

use super::{PATIENCE, Served};

/// How often a server is asked again that is still to hear of something.
const POLL: Duration = Duration::from_millis(20);

/// A sample as it is written.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    /// As they are written, braces and all; empty where there are none.
    labels: String,
    value: f64,
}

/// Returns the answer to who asks for metrics as `accept` says: its head, and its text.
async fn metrics(served: &Served, accept: &str) -> (String, String) {
    let answer = served.with_headers("/metrics", &[("Accept", accept)]).await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    (head.to_ascii_lowercase(), text.to_owned())
}

fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let each = lines.map(|line| {
        let (about, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = about.find('{').map_or((about, ""), |at| about.split_at(at));
        let value = value.parse().unwrap();
        Sample { name: name.to_owned(), labels: labels.to_owned(), value }
    });
    each.collect()
}

/// Returns the value of the only sample of this name with these labels.
fn value(samples: &[Sample], name: &str, labels: &[&str]) -> Option<f64> {
    let is_it =
        |one: &&Sample| one.name == name && labels.iter().all(|label| one.labels.contains(label));
    let found: Vec<_> = samples.iter().filter(is_it).collect();
    assert!(found.len() < 2, "{found:?}");
    found.first().map(|one| one.value)
}

/// Asks for metrics until they are like this, and returns their text.
async fn until(served: &Served, is_so: impl Fn(&[Sample]) -> bool) -> String {
    let asked = async {
        loop {
            let (_, text) = metrics(served, "").await;
            if is_so(&samples(&text)) {
                break text;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let Ok(text) = tokio::time::timeout(PATIENCE, asked).await else {
        panic!("it is never so: {}", metrics(served, "").await.1);
    };
    text
}

/// Returns the names of all metrics that are told, with what they are.
fn families(text: &str) -> Vec<(String, String)> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}
