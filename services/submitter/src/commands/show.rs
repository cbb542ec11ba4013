//! `phoenix config show`: guests as Phoenix understands them.

use std::fmt::Write;

use phoenix_config::{Shown, config_form, show};
use phoenix_domain::Vmid;
use serde_json::{Value, json};

use crate::cli::{ShowArgs, ShowFormat};
use crate::config;
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &ShowArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    let fleet = config::fleet(&loaded)?;
    let guests: Vec<Vmid> = if args.guests.is_empty() {
        fleet.guests().map(|guest| guest.vmid).collect()
    } else {
        args.guests.clone()
    };
    let shown = guests.iter().filter_map(|vmid| show(&loaded, *vmid));
    match args.output {
        ShowFormat::Text => {
            for guest in shown {
                output.data(&text(&guest))?;
            }
        }
        ShowFormat::Json => {
            let guests: Vec<Value> = shown
                .map(|guest| {
                    json!({
                        "vmid": guest.vmid,
                        "kind": guest.kind,
                        "spec": guest.spec,
                        "origins": guest.origins,
                    })
                })
                .collect();
            let document =
                json!({ "apiVersion": "phoenix.dev/v1", "kind": "GuestList", "guests": guests });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        ShowFormat::Config => {
            let document = config_form(fleet.guests().filter(|guest| guests.contains(&guest.vmid)));
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

fn text(guest: &Shown) -> String {
    let mut rows: Vec<(String, String, &str)> = Vec::new();
    for (key, value) in guest.spec.iter().filter(|(key, _)| key.as_str() != "vmid") {
        let origin = guest.origins.get(key).map_or("", String::as_str);
        flatten(key, value, origin, &mut rows);
    }
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let keys = widest(&mut rows.iter().map(|(key, _, _)| key.chars().count()));
    let values = widest(&mut rows.iter().map(|(_, value, _)| value.chars().count())).min(48);
    let mut text = format!("{} {}\n", guest.kind, guest.vmid);
    for (key, value, origin) in rows {
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  {key:keys$}  {value:values$}  # {origin}");
    }
    text.push('\n');
    text
}

/// Takes a value apart until each row holds one that fits on a line.
fn flatten<'o>(
    key: &str,
    value: &Value,
    origin: &'o str,
    rows: &mut Vec<(String, String, &'o str)>,
) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (inner, value) in members {
                flatten(&format!("{key}.{inner}"), value, origin, rows);
            }
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            for (nth, element) in elements.iter().enumerate() {
                flatten(&format!("{key}.{nth}"), element, origin, rows);
            }
        }
        Value::Array(elements) => {
            let words: Vec<_> = elements.iter().map(plain).collect();
            rows.push((key.to_owned(), format!("[{}]", words.join(", ")), origin));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            rows.push((key.to_owned(), plain(value), origin));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
