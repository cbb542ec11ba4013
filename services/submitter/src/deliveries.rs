//! Deliveries of webhooks and what became of them, as people are shown it.

use phoenix_bus::{Became, Noted};
use serde_json::{Value, json};

use crate::table::table;
use crate::words;

/// How much of a commit is shown.
const COMMIT: usize = 12;

/// Says what became of a delivery, or of a part of it.
pub(crate) fn became(became: &Became) -> String {
    match became {
        Became::Run { run, said } => format!("run {run}: {}", words::line(said)),
        Became::Nothing { why } => format!("nothing to do: {}", words::line(why)),
        Became::Refused { why } => format!("refused: {}", words::line(why)),
        Became::Waits { run, until } => format!("run {run} waits until {}", words::time(*until)),
        Became::Wanted { until: Some(until) } => format!("waits until {}", words::time(*until)),
        Became::Wanted { until: None } => "waits for its turn".to_owned(),
    }
}

/// Lists deliveries for people.
pub(crate) fn text(noted: &[Noted]) -> String {
    let rows: Vec<_> = noted
        .iter()
        .map(|one| {
            let commit = one.accepted.commit.as_deref().unwrap_or("-");
            let commit = commit.get(..COMMIT).unwrap_or(commit).to_owned();
            let parts: Vec<_> = one.accepted.became.iter().map(became).collect();
            let time = words::time(one.accepted.at);
            [time, one.source.to_string(), one.id.clone(), commit, parts.join("; ")]
        })
        .collect();
    table(["TIME", "SOURCE", "DELIVERY", "COMMIT", "WHAT BECAME OF IT"], &rows)
}

/// Lists deliveries for programs.
pub(crate) fn json(noted: &[Noted]) -> Value {
    let deliveries: Vec<_> = noted
        .iter()
        .map(|one| {
            let became: Vec<_> = one.accepted.became.iter().map(part).collect();
            json!({
                "time": words::time(one.accepted.at), "source": one.source, "id": one.id,
                "commit": one.accepted.commit, "became": became,
            })
        })
        .collect();
    json!({ "apiVersion": "phoenix.dev/v1", "kind": "DeliveryList", "deliveries": deliveries })
}

fn part(one: &Became) -> Value {
    let (state, run, until) = match one {
        Became::Run { run, .. } => ("run", Some(run), None),
        Became::Nothing { .. } => ("nothing-to-do", None, None),
        Became::Refused { .. } => ("refused", None, None),
        Became::Waits { run, until } => ("waits", Some(run), Some(*until)),
        Became::Wanted { until } => ("waits", None, *until),
    };
    json!({ "state": state, "run": run, "until": until.map(words::time), "text": became(one) })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use phoenix_bus::Accepted;

    use super::*;

    #[test]
    fn each_delivery_is_shown_with_what_became_of_it() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let run = || "r-0001".parse().unwrap();
        let noted = [
            vec![Became::Run { run: run(), said: "1 guest: lxc-950".to_owned() }],
            vec![Became::Refused { why: "older\nthan".to_owned() }, Became::Wanted { until: None }],
            vec![Became::Waits { run: run(), until: at }, Became::Wanted { until: Some(at) }],
            vec![Became::Nothing { why: "nothing changed".to_owned() }],
        ]
        .map(|became| Noted {
            source: "forge".parse().unwrap(),
            id: "d-1".to_owned(),
            accepted: Accepted { at, commit: Some("c0ffee".repeat(7)), became },
        });

        insta::assert_snapshot!(text(&noted), @r"
        TIME                  SOURCE  DELIVERY  COMMIT        WHAT BECAME OF IT
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001: 1 guest: lxc-950
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  refused: older than; waits for its turn
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001 waits until 2027-01-15T08:00:00Z; waits until 2027-01-15T08:00:00Z
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  nothing to do: nothing changed
        ");
        assert_eq!(json(&noted)["deliveries"][1]["became"][1]["state"], "waits");
    }
}
