//! Every fault there is a row for, played to the monitor's own probes and rules, and to the plain way.
//!
//! The probes are the real ones; they ask servers that replay what real ones were recorded to say. Time
//! is virtual: it stands still while somebody answers, and passes at once while nobody does.

mod fault;
mod faults;
mod ours;
mod plain;
pub(crate) mod row;
mod stage;

use row::Row;

/// Plays the rows of these names.
pub(crate) async fn run(is_wanted: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for fault in faults::all() {
        if !is_wanted(fault.name) {
            continue;
        }
        rows.push(Row {
            name: fault.name,
            wanted: fault.wanted,
            ours: ours::play(&fault).await,
            plain: plain::play(&fault).await,
        });
    }
    rows
}
