//! `pvesh get`: what the programming interface would answer, as one line of JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::conf::Section;
use crate::die::{Die, Outcome};
use crate::pct::state;
use crate::run::Run;
use crate::schema::{Kind, formats};
use crate::{conf, pvesm, qm, say, vmlist};

const USAGE: &str = "pvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]\n";

pub(crate) fn main(run: &Run, words: &[String]) -> u8 {
    let told = match words {
        [verb, path, options @ ..] if verb == "get" => {
            let options = read_options(options);
            get(run, path, &options).map(|value| print(&value, &options))
        }
        [verb, ..] if ["ls", "create", "set", "delete", "usage"].contains(&verb.as_str()) => {
            say::err("this command is not part of the test double\n");
            return 70;
        }
        [] => {
            say::err(&format!("ERROR: no command specified\nUSAGE: {USAGE}"));
            return 255;
        }
        [other, ..] => {
            say::err(&format!("ERROR: unknown command 'pvesh {other}'\nUSAGE: {USAGE}"));
            return 255;
        }
    };
    match told {
        Ok(()) => 0,
        Err(die) => {
            say::err(&die.text());
            die.exit()
        }
    }
}

fn read_options(words: &[String]) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches('-');
        match word.split_once('=') {
            Some((key, value)) => options.insert(key.to_owned(), value.to_owned()),
            None => options.insert(word.to_owned(), words.next().cloned().unwrap_or_default()),
        };
    }
    options
}

fn print(value: &Value, options: &BTreeMap<String, String>) {
    let is_pretty = options.get("output-format").is_none_or(|format| format != "json");
    let text =
        if is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    say::out(&format!("{}\n", text.unwrap_or_default()));
}

fn get(run: &Run, path: &str, options: &BTreeMap<String, String>) -> Outcome<Value> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let node = &run.settings.node;
    let is_here = |name: &str| name == "localhost" || name == node;
    match parts.as_slice() {
        ["version"] => Ok(json!({ "release": "9.2", "repoid": "lab", "version": "9.2.11" })),
        ["cluster", "nextid"] => next_id(run),
        ["cluster", "resources"] => resources(run, options.get("type").map(String::as_str)),
        ["nodes"] => Ok(json!([{ "id": format!("node/{node}"), "node": node, "status": "online",
            "type": "node", "maxcpu": run.settings.cores }])),
        ["nodes", here, rest @ ..] if is_here(here) => of_node(run, path, rest, options),
        ["nodes", other, ..] => Err(Die::new(format!(
            "proxy handler failed: 500 hostname lookup '{other}' failed - failed to get address \
             info for: {other}: Name or service not known"
        ))),
        _ => Err(no_handler("get", path)),
    }
}

fn no_handler(verb: &str, path: &str) -> Die {
    Die::new(format!("No '{verb}' handler defined for '{path}'"))
}

fn of_node(
    run: &Run,
    path: &str,
    rest: &[&str],
    options: &BTreeMap<String, String>,
) -> Outcome<Value> {
    let number = |text: &str| -> Outcome<u32> {
        formats::vmid(text).map_err(|why| Die::param("vmid", format!("invalid format - {why}")))?;
        Ok(text.parse::<u32>().unwrap_or(0))
    };
    match rest {
        ["lxc"] => {
            let mut all = Vec::new();
            for vmid in run.containers()? {
                let conf = run.load(vmid)?;
                all.push(shown(state(run, vmid, &conf)));
            }
            Ok(Value::Array(all))
        }
        ["lxc", vmid, "config"] => {
            let conf = run.load(number(vmid)?)?;
            let current = crate::pct::current(&conf, false);
            Ok(config(&current, &conf.digest))
        }
        ["lxc", vmid, "pending"] => {
            let conf = run.load(number(vmid)?)?;
            Ok(pending(&conf))
        }
        ["lxc", vmid, "status", "current"] => {
            let vmid = number(vmid)?;
            let conf = run.load(vmid)?;
            let mut shown = shown(state(run, vmid, &conf));
            if let Some(map) = shown.as_object_mut() {
                map.insert("ha".into(), json!({ "managed": 0 }));
            }
            Ok(shown)
        }
        ["lxc", vmid, "snapshot"] => Ok(snapshots(&run.load(number(vmid)?)?)),
        ["qemu"] => qm::all_as_json(run),
        ["storage"] => Ok(storages(run, options.get("content").map(String::as_str))?),
        ["storage", storage, "content"] => {
            let vmid = options.get("vmid").and_then(|vmid| vmid.parse().ok());
            let items =
                pvesm::content(run, storage, vmid, options.get("content").map(String::as_str))?;
            Ok(Value::Array(items.into_iter().map(Value::Object).collect()))
        }
        ["storage", storage, "status"] => {
            let found = pvesm::states(run, None)?;
            let found = found.iter().find(|state| state.storage.name == *storage);
            found
                .map(storage_state)
                .ok_or_else(|| Die::new(format!("storage '{storage}' does not exist")))
        }
        _ => Err(no_handler("get", path)),
    }
}

fn next_id(run: &Run) -> Outcome<Value> {
    let guests = vmlist::guests(&run.node)?;
    let free = (100..1_000_000).find(|vmid| !guests.contains_key(vmid)).unwrap_or(100);
    Ok(json!(free.to_string()))
}

/// Makes numbers of what are numbers.
fn shown(state: BTreeMap<String, String>) -> Value {
    let is_text = |key: &str| matches!(key, "name" | "status" | "type" | "tags" | "lock");
    let mut map = Map::new();
    let is_running = state.get("status").is_some_and(|status| status == "running");
    for (key, value) in state {
        let number = value.parse::<u64>().ok().filter(|_| !is_text(&key));
        map.insert(key, number.map_or_else(|| json!(value), |number| json!(number)));
    }
    if is_running {
        for key in ["cpufull", "cpusome", "iofull", "iosome", "memoryfull", "memorysome"] {
            map.insert(format!("pressure{key}"), Value::Null);
        }
    }
    Value::Object(map)
}

fn typed(key: &str, value: &str) -> Value {
    let kind = crate::schema::find(&conf::keys::ALL, key).map(|prop| prop.kind);
    let is_number = matches!(kind, Some(Kind::Integer | Kind::Boolean));
    let number = value.parse::<u64>().ok().filter(|_| is_number);
    number.map_or_else(|| json!(value), |number| json!(number))
}

fn config(section: &Section, digest: &str) -> Value {
    let mut map: Map<String, Value> =
        section.values.iter().map(|(key, value)| (key.clone(), typed(key, value))).collect();
    map.insert("digest".into(), json!(digest));
    if !section.lxc.is_empty() {
        map.insert("lxc".into(), json!(section.lxc));
    }
    Value::Object(map)
}

fn pending(conf: &conf::Conf) -> Value {
    let to_delete = conf.to_delete();
    let mut items = Vec::new();
    for (key, value) in &conf.main.values {
        let mut item = Map::from_iter([
            ("key".to_owned(), json!(key)),
            ("value".to_owned(), typed(key, value)),
        ]);
        if let Some(new) = conf.pending.get(key) {
            item.insert("pending".into(), typed(key, new));
        }
        if to_delete.contains(key) {
            item.insert("delete".into(), json!(1));
        }
        items.push(Value::Object(item));
    }
    for (key, value) in &conf.pending.values {
        if key != "delete" && !conf.main.has(key) {
            items.push(json!({ "key": key, "pending": typed(key, value) }));
        }
    }
    items.push(json!({ "key": "digest", "value": conf.digest }));
    Value::Array(items)
}

fn snapshots(conf: &conf::Conf) -> Value {
    let mut all: Vec<Value> = conf
        .snapshots
        .iter()
        .map(|(name, section)| {
            let time = section.get("snaptime").and_then(|time| time.parse::<u64>().ok());
            let mut item = json!({ "name": name, "snaptime": time.unwrap_or(0),
                "description": section.get("description").unwrap_or_default() });
            if let (Some(parent), Some(map)) = (section.get("parent"), item.as_object_mut()) {
                map.insert("parent".into(), json!(parent));
            }
            item
        })
        .collect();
    let mut now =
        json!({ "name": "current", "digest": conf.digest, "description": "You are here!" });
    if let (Some(parent), Some(map)) = (conf.main.get("parent"), now.as_object_mut()) {
        map.insert("parent".into(), json!(parent));
    }
    all.push(now);
    Value::Array(all)
}

fn storage_state(state: &pvesm::Status) -> Value {
    let content: Vec<&str> = state.storage.content.iter().map(String::as_str).collect();
    json!({
        "active": u8::from(state.is_enabled),
        "avail": state.total.saturating_sub(state.used),
        "content": content.join(","),
        "enabled": u8::from(state.is_enabled),
        "shared": u8::from(state.storage.is_shared()),
        "storage": state.storage.name,
        "total": state.total,
        "type": state.storage.kind.name(),
        "used": state.used,
    })
}

fn storages(run: &Run, content: Option<&str>) -> Outcome<Value> {
    Ok(Value::Array(pvesm::states(run, content)?.iter().map(storage_state).collect()))
}

/// What the cluster last heard of everything; without its broadcasts, nothing but names.
fn resources(run: &Run, wanted: Option<&str>) -> Outcome<Value> {
    let mut all = Vec::new();
    let own = &run.settings.node;
    for kind in ["lxc", "qemu"] {
        for (vmid, guest) in
            vmlist::guests(&run.node)?.iter().filter(|(_, guest)| guest.kind == kind)
        {
            let mut item = json!({ "id": format!("{kind}/{vmid}"), "node": guest.node,
                "status": "unknown", "type": kind, "vmid": vmid });
            let tags = (guest.node == *own).then(|| tags(run, *vmid, kind)).flatten();
            if let (Some(tags), Some(map)) = (tags, item.as_object_mut()) {
                map.insert("tags".into(), json!(tags));
            }
            all.push(item);
        }
    }
    all.push(
        json!({ "id": format!("node/{own}"), "node": own, "status": "unknown", "type": "node" }),
    );
    for state in pvesm::states(run, None)? {
        let name = &state.storage.name;
        let content: Vec<&str> = state.storage.content.iter().map(String::as_str).collect();
        all.push(json!({ "content": content.join(","), "id": format!("storage/{own}/{name}"),
            "node": own, "plugintype": state.storage.kind.name(),
            "shared": u8::from(state.storage.is_shared()), "status": "unknown", "storage": name,
            "type": "storage" }));
    }
    all.push(json!({ "id": format!("network/{own}/zone/localnetwork"), "network": "localnetwork",
        "network-type": "zone", "node": own, "status": "ok", "type": "network" }));
    let fits = |item: &Value| {
        let kind = item.get("type").and_then(Value::as_str);
        wanted.is_none_or(|wanted| match wanted {
            "vm" => matches!(kind, Some("lxc" | "qemu")),
            other => kind == Some(other),
        })
    };
    all.retain(fits);
    Ok(Value::Array(all))
}

fn tags(run: &Run, vmid: u32, kind: &str) -> Option<String> {
    if kind == "qemu" {
        return qm::tags(run, vmid);
    }
    run.load(vmid).ok()?.main.get("tags").map(str::to_owned)
}
