//! What ten thousand endpoints cost: ours, and others at the same targets in the same run.
//!
//! `cargo xtask bench health --speed` starts it. The targets are in another process: this program, called
//! with `serve`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that went wrong should stop"
)]

mod library;
mod ours;
mod peers;
mod process;
mod targets;

use std::path::PathBuf;

use phoenix_testkit::samples::Samples;

use targets::Targets;

/// A row of the table.
struct Row {
    name: String,
    /// CPU seconds of ten thousand checks.
    cpu: f64,
    /// Checks a second, with nothing to wait for.
    rate: Option<f64>,
    mib: f64,
    /// Lateness at the rhythm of ten seconds: the half, and all but a hundredth, in milliseconds.
    late: Option<(f64, f64)>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "serve") {
        return targets::serve();
    }
    let peers = words.iter().find_map(|word| word.strip_prefix("peers=")).map(PathBuf::from);
    let endpoints = words.iter().find_map(|word| word.strip_prefix("endpoints="));
    let endpoints = endpoints.map_or(10_000, |number| number.parse().unwrap());
    phoenix_service::open_as_many_files_as_may_be().unwrap();
    let targets = Targets::start();
    let samples = Samples::of(&words);
    let mut rows = Vec::new();
    for row in ours::ROWS {
        eprintln!("{} …", row.name);
        rows.push(ours::measure(row, &targets, endpoints));
        show(&rows[rows.len() - 1..]);
    }
    rows.push(library::measure(&targets, endpoints));
    if let Some(peers) = peers {
        for measure in [peers::blackbox, peers::monit] {
            match measure(&peers, &targets) {
                Ok(row) => rows.push(row),
                Err(why) => samples.not_run("a peer", &why),
            }
        }
    }
    println!("\n{endpoints} endpoints, one every 10 s, targets in another process on this machine");
    show(&rows);
    for (nth, Row { name, cpu, rate, mib, .. }) in rows.iter().enumerate() {
        // Others ask for the page of our first row; our further ones stand by themselves.
        let alone =
            if (1..ours::ROWS.len()).contains(&nth) { format!(": {name}") } else { String::new() };
        let note = |what: &str, value: f64, unit: &str| {
            samples.note(0, &format!("{what}{alone}"), name, (value, unit));
        };
        note("10,000 checks, CPU", *cpu, "s");
        note("memory", *mib, "MiB");
        if let Some(rate) = *rate {
            note("nothing to wait for", rate, "checks/s");
        }
    }
}

fn show(rows: &[Row]) {
    println!(
        "{:<44} {:>14} {:>10} {:>8} {:>12} {:>12}",
        "what", "CPU s/10,000", "checks/s", "MiB", "late p50 ms", "late p99 ms"
    );
    for Row { name, cpu, rate, mib, late } in rows {
        let rate = rate.map_or_else(|| "-".into(), |rate| format!("{rate:.0}"));
        let late = late.map_or_else(
            || ["-".into(), "-".into()],
            |(half, most)| [format!("{half:.1}"), format!("{most:.1}")],
        );
        println!("{name:<44} {cpu:>14.3} {rate:>10} {mib:>8.1} {:>12} {:>12}", late[0], late[1]);
    }
}
