//! Which guests the cluster has.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::die::{Die, Outcome};
use crate::node::{Node, write_whole};
use crate::run::Run;

/// A guest of the cluster.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Guest {
    pub(crate) node: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) version: u64,
}

#[derive(Default, Deserialize)]
struct List {
    version: u64,
    ids: BTreeMap<u32, Guest>,
}

/// Returns the guests of all nodes, as their files say.
pub(crate) fn guests(node: &Node) -> Outcome<BTreeMap<u32, Guest>> {
    let mut guests = BTreeMap::new();
    let nodes = node.at("/etc/pve/nodes");
    for entry in fs::read_dir(&nodes)? {
        let name = entry?.file_name();
        for (folder, kind) in [("lxc", "lxc"), ("qemu-server", "qemu")] {
            let Ok(files) = fs::read_dir(nodes.join(&name).join(folder)) else { continue };
            for file in files.flatten() {
                let file = file.file_name();
                let number = file.to_str().and_then(|file| file.strip_suffix(".conf"));
                let Some(vmid) = number.and_then(|number| number.parse().ok()) else { continue };
                let node = name.to_string_lossy().into_owned();
                guests.insert(vmid, Guest { node, kind: kind.into(), version: 0 });
            }
        }
    }
    Ok(guests)
}

/// Refuses a number that some guest of the cluster has.
pub(crate) fn check_unused(run: &Run, vmid: u32) -> Outcome<()> {
    let Some(guest) = guests(&run.node)?.remove(&vmid) else { return Ok(()) };
    let kind = if guest.kind == "lxc" { "CT" } else { "VM" };
    Err(Die::new(format!("{kind} {vmid} already exists on node '{}'", guest.node)))
}

/// Brings the list up to date after a file was written or removed.
pub(crate) fn touched(run: &Run, vmid: u32, counts: bool) -> Outcome<()> {
    let _alone = run.node.alone()?;
    let mut list = read(&run.node);
    list.version += 1;
    if counts || !list.ids.contains_key(&vmid) {
        list.ids = merged(&run.node, &list)?;
    }
    if let Some(guest) = list.ids.get_mut(&vmid) {
        guest.version = list.version;
    }
    write(&run.node, &list)
}

/// Brings the list up to date with files that somebody else put there.
pub(crate) fn refresh(node: &Node) -> Outcome<()> {
    let is_same = |list: &List, found: &BTreeMap<u32, Guest>| {
        list.ids.len() == found.len()
            && found.iter().all(|(vmid, guest)| {
                let known = list.ids.get(vmid);
                known.is_some_and(|known| known.node == guest.node && known.kind == guest.kind)
            })
    };
    let has_list = node.at("/etc/pve/.vmlist").exists();
    if has_list && is_same(&read(node), &guests(node)?) {
        return Ok(());
    }
    let _alone = node.alone()?;
    let mut list = read(node);
    list.version += 1;
    list.ids = merged(node, &list)?;
    write(node, &list)
}

fn merged(node: &Node, list: &List) -> Outcome<BTreeMap<u32, Guest>> {
    let mut found = guests(node)?;
    for (vmid, guest) in &mut found {
        let known = list.ids.get(vmid).map(|known| known.version);
        guest.version = known.unwrap_or(list.version);
    }
    Ok(found)
}

fn read(node: &Node) -> List {
    let text = fs::read_to_string(node.at("/etc/pve/.vmlist")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Writes the list as the cluster's file system shows it.
fn write(node: &Node, list: &List) -> Outcome<()> {
    let line = |(vmid, guest): (&u32, &Guest)| {
        let Guest { node, kind, version } = guest;
        format!(
            "\"{vmid}\": {{ \"node\": \"{node}\", \"type\": \"{kind}\", \"version\": {version} }}"
        )
    };
    let lines: Vec<String> = list.ids.iter().map(line).collect();
    let text =
        format!("{{\n\"version\": {},\n\"ids\": {{\n{}}}\n\n}}\n", list.version, lines.join(",\n"));
    write_whole(&node.at("/etc/pve/.vmlist"), text.as_bytes())
}
