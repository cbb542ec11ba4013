//! Deliveries of webhooks and what became of them, as people are shown it.

use phoenix_bus::{Became, Noted};
use serde_json::{Value, json};

use crate::approvals;
use crate::table::table;
use crate::words;

/// Says what became of a delivery, or of a part of it.
pub(crate) fn became(became: &Became) -> String {
    match became {
        Became::Run { run, said } => format!("run {run}: {}", words::line(said)),
        Became::Nothing { why } => format!("nothing to do: {}", words::line(why)),
        Became::Refused { why } => format!("refused: {}", words::line(why)),
        Became::Waits { run, until: Some(until) } => {
            format!("run {run} waits until {}", words::time(*until))
        }
        Became::Waits { run, until: None } | Became::Wanted { asks: Some(run), .. } => {
            approvals::waits(run)
        }
        Became::Wanted { until: Some(until), .. } => format!("waits until {}", words::time(*until)),
        Became::Wanted { until: None, .. } => "waits for its turn".to_owned(),
    }
}

/// Lists deliveries for people.
pub(crate) fn text(noted: &[Noted]) -> String {
    let rows: Vec<_> = noted
        .iter()
        .map(|one| {
            let commit = one.accepted.commit.as_deref().unwrap_or("-");
            let commit = approvals::short(commit).to_owned();
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
            let decided = one.accepted.decided.iter().map(|(run, said)| {
                let at = words::time(said.at);
                json!({ "run": run, "yes": said.yes, "by": said.by, "time": at })
            });
            json!({
                "time": words::time(one.accepted.at), "source": one.source, "id": one.id,
                "commit": one.accepted.commit, "became": became,
                "decided": decided.collect::<Vec<_>>(),
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
        Became::Waits { run, until: None } | Became::Wanted { asks: Some(run), .. } => {
            ("asks", Some(run), None)
        }
        Became::Waits { run, until } => ("waits", Some(run), *until),
        Became::Wanted { until, .. } => ("waits", None, *until),
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
            vec![
                Became::Refused { why: "older\nthan".to_owned() },
                Became::Wanted { until: None, asks: None },
            ],
            vec![
                Became::Waits { run: run(), until: Some(at) },
                Became::Wanted { until: Some(at), asks: None },
            ],
            vec![
                Became::Waits { run: run(), until: None },
                Became::Wanted { until: None, asks: Some(run()) },
            ],
            vec![Became::Nothing { why: "nothing changed".to_owned() }],
        ]
        .map(|became| Noted {
            source: "forge".parse().unwrap(),
            id: "d-1".to_owned(),
            accepted: Accepted { became, ..Accepted::fresh(at, Some("c0ffee".repeat(7))) },
        });

        insta::assert_snapshot!(text(&noted), @r"
        TIME                  SOURCE  DELIVERY  COMMIT        WHAT BECAME OF IT
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001: 1 guest: lxc-950
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  refused: older than; waits for its turn
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001 waits until 2027-01-15T08:00:00Z; waits until 2027-01-15T08:00:00Z
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  waits for a human: phoenix answer r-0001 yes; waits for a human: phoenix answer r-0001 yes
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  nothing to do: nothing changed
        ");
        assert_eq!(json(&noted)["deliveries"][1]["became"][1]["state"], "waits");
    }
}
