//! Whether all streams and buckets are there, as they are wanted, kept by whom they should be, and not full.

use phoenix_bus::{Bus, BusError, Fill, StreamSeen, StreamThere};

use super::nats::{ADMIN, said};
use super::report::Report;
use crate::words;

const CHECK: &str = "streams";
/// What is fuller than this, in hundredths, should be looked at.
const FILLING: u64 = 80;
/// What is fuller than this takes nothing more soon.
const FULL: u64 = 95;

pub(super) async fn look(bus: &Bus, report: &mut Report) {
    let Ok(setup) = bus.look_up().await else {
        return report.not_looked_at(CHECK, "the log cannot be looked at");
    };
    match bus.survey(setup.durability).await {
        Ok(seen) => tell(seen, &bus.options(), report),
        Err(err) => report.not_looked_at(CHECK, said(&err.into())),
    }
}

/// Tells what is not as it should be, each with what to type, and the rest in one line.
fn tell(all: Vec<Result<StreamSeen, BusError>>, options: &str, report: &mut Report) {
    let (mut well, mut hidden, mut fills) = (0, Vec::new(), Vec::new());
    for seen in all {
        match seen {
            Ok(StreamSeen { name, there: Some(there) }) => {
                well += usize::from(is_well(&name, &there, options, report));
                fills.extend(there.fill.into_iter().map(|fill| (name.clone(), fill)));
            }
            Ok(StreamSeen { name, there: None }) => {
                report.wrong(CHECK, format!("{name} is missing"), set_up(options));
            }
            Err(err) => hidden.push(err.to_string()),
        }
    }
    report.ok(
        CHECK,
        format!(
            "{} there and as wanted",
            words::count(well, "stream or bucket is", "streams and buckets are")
        ),
    );
    if let Some(why) = hidden.first() {
        let count = words::count(hidden.len(), "stream or bucket", "streams and buckets");
        report.not_looked_at(
            CHECK,
            format!("{count}: {why}; the admin may: `phoenix doctor{ADMIN}`"),
        );
    }
    full(&fills, report);
}

/// Says that nobody could look.
pub(super) fn not_looked_at(report: &mut Report) {
    report.not_looked_at(CHECK, "NATS cannot be asked");
}

fn is_well(name: &str, there: &StreamThere, options: &str, report: &mut Report) -> bool {
    if let Some((newer, known)) = there.newer {
        let found = format!(
            "{name} was set up by a newer version, and is left as it is: its layout is {newer}, and {known} is known here"
        );
        report.warning(CHECK, found, "apt install --only-upgrade phoenix");
        return false;
    }
    if !there.beyond.is_empty() {
        let found = format!(
            "{name} has more than this version asks for, and keeps that: {}",
            there.beyond.join(", ")
        );
        report.ok(CHECK, found);
    }
    if !there.otherwise.is_empty() {
        let found = format!("{name} is otherwise than wanted: {}", there.otherwise.join(", "));
        report.wrong(CHECK, found, set_up(options));
        return false;
    }
    if !there.behind.is_empty() {
        let found = format!(
            "{name} is to be kept by {} servers, and these are away or behind: {}",
            there.replicas,
            there.behind.join(", ")
        );
        report.warning(CHECK, found, "systemctl status nats-server");
        return false;
    }
    true
}

/// Says which of the limits is nearest.
fn full(fills: &[(String, Fill)], report: &mut Report) {
    let check = "room in NATS";
    let share = |fill: &Fill| fill.most.map(|most| fill.there.saturating_mul(100) / most);
    let fullest = fills
        .iter()
        .filter_map(|(name, fill)| Some((share(fill)?, name, fill)))
        .max_by_key(|(share, ..)| *share);
    let Some((share, name, fill)) = fullest else {
        return report.not_looked_at(check, "no stream could be looked at");
    };
    let most = fill.most.unwrap_or_default();
    let found = format!(
        "the nearest limit is that of {name}: {} of {most} {} ({share} %)",
        fill.there, fill.of
    );
    let remedy = format!("nats stream info {name}");
    match share {
        0..FILLING => report.ok(check, found),
        FILLING..FULL => report.warning(check, found, remedy),
        FULL.. => report.wrong(check, found, remedy),
    }
}

fn set_up(options: &str) -> String {
    format!("phoenix nats setup{options}")
}

#[cfg(test)]
mod tests {
    use super::super::report::Sign;
    use super::*;

    fn seen(name: &str, otherwise: &[&'static str], behind: &[&str], bytes: u64) -> StreamSeen {
        let there = StreamThere {
            otherwise: otherwise.to_vec(),
            beyond: Vec::new(),
            newer: None,
            fill: [
                Fill { of: "bytes", there: bytes, most: Some(1000) },
                Fill { of: "messages", there: 5, most: None },
                Fill { of: "consumers", there: 1, most: Some(256) },
            ],
            replicas: 3,
            behind: behind.iter().map(|one| (*one).to_owned()).collect(),
        };
        StreamSeen { name: name.to_owned(), there: Some(there) }
    }

    #[test]
    fn streams_that_are_otherwise_behind_missing_or_full_are_named() {
        let mut report = Report::default();
        let missing = StreamSeen { name: "KV_phoenix-drains".to_owned(), there: None };
        let all = vec![
            Ok(seen("PHOENIX_LOG", &[], &[], 10)),
            Ok(seen("PHOENIX_DEAD", &["age", "replicas"], &[], 10)),
            Ok(seen("PHOENIX_HEALTH", &[], &["n3"], 10)),
            Ok(seen("OBJ_phoenix-library", &[], &[], 960)),
            Ok(missing),
            Err(BusError::NoJetStream { url: "nats://pve1:4222".to_owned() }),
        ];

        tell(all, " --cell lab", &mut report);

        insta::assert_snapshot!(report.text());
        assert_eq!(report.count(Sign::Wrong), 3);
    }
}
