//! Prints the schema of every kind of event, under its type: what `cargo xtask schemas` writes to files.

use std::collections::BTreeMap;
use std::io;

use phoenix_domain::EventKind;
use phoenix_domain::health::HealthEventKind;

fn main() -> serde_json::Result<()> {
    let of_guests = EventKind::ALL.iter().map(|kind| (kind.type_name(), kind.schema()));
    let of_health = HealthEventKind::ALL.iter().map(|kind| (kind.type_name(), kind.schema()));
    serde_json::to_writer(io::stdout(), &of_guests.chain(of_health).collect::<BTreeMap<_, _>>())
}
