//! Property strings: `name=eth0,bridge=vmbr0`.

use super::{Format, Kind, Prop, Values, check_all, find, formats};
use crate::say;

/// Takes a property string apart; an error is the text that Proxmox prints.
pub(crate) fn parse(props: &[Prop], text: &str, path: &str) -> Result<Values, String> {
    let mut values = Values::new();
    let default = props.iter().find(|prop| prop.is_default_key);
    let mut used_default = false;
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        if let Some((key, value)) =
            part.split_once('=').filter(|(k, v)| !k.is_empty() && !v.is_empty())
        {
            if values.contains_key(key) {
                return Err(format!("duplicate key in comma-separated list property: {key}\n"));
            }
            let kind = find(props, key).map(|prop| prop.kind);
            values.insert(key.to_owned(), spelled(kind, value));
        } else if part.contains('=') {
            return Err("missing key in comma-separated list property\n".into());
        } else {
            let Some(prop) = default else {
                return Err("value without key, but schema does not define a default key\n".into());
            };
            if used_default || values.contains_key(prop.name) {
                let name = prop.name;
                return Err(format!("duplicate key in comma-separated list property: {name}\n"));
            }
            used_default = true;
            values.insert(prop.name.to_owned(), spelled(Some(prop.kind), part));
        }
    }
    let errors = check_all(props, &values, path);
    if errors.is_empty() {
        return Ok(values);
    }
    let errors = say::lines(errors.iter().map(|(key, why)| format!("{key}: {why}")));
    Err(format!("format error\n{errors}"))
}

fn spelled(kind: Option<Kind>, value: &str) -> String {
    let boolean = (kind == Some(Kind::Boolean)).then(|| formats::boolean(value)).flatten();
    boolean.map_or_else(|| value.to_owned(), |is| u8::from(is).to_string())
}

/// Puts a property string together: the default key, what must be there, the rest by name.
pub(crate) fn print(props: &[Prop], values: &Values, skip: &[&str]) -> String {
    let default = props.iter().find(|prop| prop.is_default_key).map(|prop| prop.name);
    let is_needed = |key: &str| find(props, key).is_some_and(|prop| !prop.optional);
    let mut order: Vec<&str> = Vec::new();
    order.extend(default.filter(|key| values.contains_key(*key)));
    let rest = || values.keys().map(String::as_str).filter(|key| Some(*key) != default);
    order.extend(rest().filter(|key| is_needed(key)));
    order.extend(rest().filter(|key| !is_needed(key)));
    let print_one = |key: &str| {
        let value = values.get(key).map(String::as_str).unwrap_or_default();
        let is_size = find(props, key).is_some_and(|prop| matches!(prop.format, Format::Size));
        let size = is_size.then(|| formats::size(value)).flatten();
        let value = size.map_or_else(|| value.to_owned(), formats::in_units);
        if Some(key) == default { value } else { format!("{key}={value}") }
    };
    let parts: Vec<String> =
        order.into_iter().filter(|key| !skip.contains(key)).map(print_one).collect();
    parts.join(",")
}
