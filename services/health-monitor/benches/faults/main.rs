//! The fault matrix: what the monitor makes of every fault, and what a plain check of `/health` does.
//!
//! `cargo xtask bench health` starts it. That our side is right in each row is a test of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that went wrong should stop"
)]

mod matrix;

use matrix::row::{Done, Row};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let rows = matrix::run(|_| true).await;
    println!(
        "{:<52} {:<9} | {:<46} {:<5} | {:<28} right",
        "fault", "wanted", "Phoenix", "right", "3 failed checks, restart"
    );
    for row in &rows {
        println!(
            "{:<52} {:<9} | {:<46} {:<5} | {:<28} {}",
            row.name,
            row.wanted.to_string(),
            shown(&row.ours),
            sign(row.is_ours_right()),
            shown(&row.plain),
            sign(row.is_plain_right()),
        );
    }
    let count = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count();
    let faults = count(&Row::is_fault);
    println!(
        "\n{:<24} {:>12} {:>12}",
        format!("{} rows, {faults} of them faults", rows.len()),
        "Phoenix",
        "plain"
    );
    let found = |side: fn(&Row) -> &Done| faults - count(&|row| row.is_missed(side(row)));
    let wrong = |side: fn(&Row) -> &Done| rows.iter().map(|row| row.false_repairs(side(row))).sum();
    let line =
        |what: &str, ours: usize, plain: usize| println!("{what:<24} {ours:>12} {plain:>12}");
    line("faults found", found(|row| &row.ours), found(|row| &row.plain));
    line("false repairs", wrong(|row| &row.ours), wrong(|row| &row.plain));
    line("rows right", count(&Row::is_ours_right), count(&Row::is_plain_right));
}

fn shown(done: &Done) -> String {
    let mut parts = Vec::new();
    if let Some((after, what)) = &done.found {
        parts.push(format!("{after} s: {what}"));
    }
    for alike in done.repairs.chunk_by(|one, next| one == next) {
        parts.push(match alike {
            [once] => once.to_string(),
            many => format!("{} x{}", many[0], many.len()),
        });
    }
    if done.is_human_called {
        parts.push("human".to_owned());
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn sign(is_right: bool) -> &'static str {
    if is_right { "yes" } else { "NO" }
}
