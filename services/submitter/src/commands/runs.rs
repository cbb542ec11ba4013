//! `phoenix runs`: what was asked for lately.

use serde_json::{Value, json};

use crate::cli::{ListFormat, RunsArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::runs::{self, Run};
use crate::session;
use crate::states::States;
use crate::table::table;
use crate::words;

pub(super) fn run(args: &RunsArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(list(args, output))
}

async fn list(args: &RunsArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let runs = runs::since(&session.bus, args.since).await?;
    let states = States::read(&session.bus).await?;
    match args.list.output {
        ListFormat::Text if runs.is_empty() => {
            let since = words::time(args.since);
            output.remark(&format!("no run since {since}; `--since 30d` looks further back"))?;
        }
        ListFormat::Text => output.data(&text(&runs, &states))?,
        ListFormat::Json => output.data(&json(&runs, &states)?)?,
    }
    Ok(0)
}

fn text(runs: &[Run], states: &States) -> String {
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            let (id, by) = (run.id.to_string(), words::line(&run.by));
            [id, words::time(run.time), by, runs::guests(run), runs::state(run, states)]
        })
        .collect();
    table(["RUN", "WHEN", "BY", "GUESTS", "STATE"], &rows)
}

fn json(runs: &[Run], states: &States) -> Result<String, CommandError> {
    let runs: Vec<Value> = runs
        .iter()
        .map(|run| {
            json!({
                "id": run.id, "time": words::time(run.time), "by": run.by,
                "guests": run.guests, "state": runs::state(run, states),
            })
        })
        .collect();
    let document = json!({ "apiVersion": "phoenix.dev/v1", "kind": "RunList", "runs": runs });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{asked, site};
    use crate::runs::Found;

    #[test]
    fn a_run_is_shown_with_how_its_guests_stand() {
        let mut found = Found::default();
        for event in [asked(900, "r-0001"), asked(901, "r-0001"), asked(901, "r-0002")] {
            found.take(&event);
        }
        let states = States::of(site());

        let runs = found.newest_first();

        insta::assert_snapshot!(text(&runs, &states));
    }
}
