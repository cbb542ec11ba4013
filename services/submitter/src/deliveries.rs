//! Deliveries of webhooks and what became of them, as people are shown it.

use phoenix_bus::{Became, Noted};
use phoenix_domain::{Record, RunId, Standing};
use serde_json::{Value, json};

use crate::approvals;
use crate::states::States;
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

/// Says that what a delivery wants is about to be asked for.
fn asking(run: &RunId) -> String {
    format!("run {run} is being asked for")
}

/// Says what to type about what has failed of the run that a delivery made: the delivery does not make it
/// again.
fn next(one: &Became, states: &States) -> Option<String> {
    let Became::Run { run, .. } = one else { return None };
    let of_run =
        states.records().filter(|record| record.desired.run == *run && record.is_settled());
    let failed: Vec<_> = of_run.filter_map(again).collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

fn again(record: &Record) -> Option<String> {
    let guest = record.guest;
    match &record.work.standing {
        Standing::Completed => record.gone_back().map(|(_, letter)| {
            format!("{guest} went back: `phoenix dead replay {letter}` tries it once more")
        }),
        Standing::Dead { .. } => Some(format!("{guest} was given up: {}", words::remedy(record))),
        Standing::Blocked { .. } => {
            Some(format!("{guest} waits for a human: {}", words::remedy(record)))
        }
        Standing::Cancelled => {
            Some(format!("{guest} was cancelled: `phoenix retry {}` goes on", guest.vmid))
        }
        Standing::Requested
        | Standing::Working
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Failed => None,
    }
}

/// Lists deliveries for people.
pub(crate) fn text(noted: &[Noted], states: &States) -> String {
    let rows: Vec<_> = noted
        .iter()
        .map(|one| {
            let commit = one.accepted.commit.as_deref().unwrap_or("-");
            let commit = approvals::short(commit).to_owned();
            let errand = one.accepted.errand.iter().map(|errand| asking(&errand.run));
            let parts =
                one.accepted.became.iter().flat_map(|one| [Some(became(one)), next(one, states)]);
            let parts: Vec<_> = errand.chain(parts.flatten()).collect();
            let time = words::time(one.accepted.at);
            [time, one.source.to_string(), one.id.clone(), commit, parts.join("; ")]
        })
        .collect();
    table(["TIME", "SOURCE", "DELIVERY", "COMMIT", "WHAT BECAME OF IT"], &rows)
}

/// Lists deliveries for programs.
pub(crate) fn json(noted: &[Noted], states: &States) -> Value {
    let deliveries: Vec<_> = noted
        .iter()
        .map(|one| {
            let errand = one.accepted.errand.iter().map(|errand| {
                json!({ "state": "asking", "run": errand.run, "text": asking(&errand.run) })
            });
            let parts = one.accepted.became.iter().map(|one| part(one, states));
            let became: Vec<_> = errand.chain(parts).collect();
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

fn part(one: &Became, states: &States) -> Value {
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
    json!({
        "state": state, "run": run, "until": until.map(words::time), "text": became(one),
        "next": next(one, states),
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use phoenix_bus::Accepted;

    use super::*;
    use crate::asking::tests::{asked, claimed, completed, dead, failed, stepped};

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
            at: 1,
            source: "forge".parse().unwrap(),
            id: "d-1".to_owned(),
            accepted: Accepted { became, ..Accepted::fresh(at, Some("c0ffee".repeat(7))) },
        });

        insta::assert_snapshot!(text(&noted, &States::default()), @r"
        TIME                  SOURCE  DELIVERY  COMMIT        WHAT BECAME OF IT
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001: 1 guest: lxc-950
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  refused: older than; waits for its turn
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  run r-0001 waits until 2027-01-15T08:00:00Z; waits until 2027-01-15T08:00:00Z
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  waits for a human: phoenix answer r-0001 yes; waits for a human: phoenix answer r-0001 yes
        2027-01-15T08:00:00Z  forge   d-1       c0ffeec0ffee  nothing to do: nothing changed
        ");
        assert_eq!(
            json(&noted, &States::default())["deliveries"][1]["became"][1]["state"],
            "waits"
        );
    }

    #[test]
    fn a_run_that_failed_is_shown_with_what_tries_it_again() {
        let of = |states: &States| {
            let run = Became::Run { run: "r-0001".parse().unwrap(), said: "1 guest".to_owned() };
            next(&run, states)
        };
        let working = stepped(&claimed(&asked(901, "r-0001")));
        let dead = States::of([dead(&failed(&working))]);

        assert_eq!(of(&dead).unwrap(), "lxc-901 was given up: `phoenix retry 901`");
        assert_eq!(of(&States::of([completed(&working)])), None);
        assert_eq!(of(&States::of([working])), None, "it is being worked on");
        let nothing = Became::Nothing { why: "nothing changed".to_owned() };
        assert_eq!(next(&nothing, &dead), None);
    }
}
