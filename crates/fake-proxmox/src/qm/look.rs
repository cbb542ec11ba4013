//! The commands that change nothing.

use serde_json::{Value, json};

use super::conf::Machine;
use super::drive::Drive;
use crate::conf::Section;
use crate::die::{Die, Outcome};
use crate::pct::tree;
use crate::run::Run;
use crate::schema::formats;
use crate::schema::options::Given;
use crate::{say, vmlist};

fn machines(run: &Run) -> Outcome<Vec<u32>> {
    let guests = vmlist::guests(&run.node)?;
    let own = |(_, guest): &(&u32, &vmlist::Guest)| {
        guest.node == run.settings.node && guest.kind == "qemu"
    };
    Ok(guests.iter().filter(own).map(|(vmid, _)| *vmid).collect())
}

fn state(run: &Run, vmid: u32) -> &'static str {
    if run.machine_pid(vmid).is_some() { "running" } else { "stopped" }
}

pub(super) fn status(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.machine(vmid)?;
    say::out(&format!("status: {}\n", state(run, vmid)));
    Ok(0)
}

/// Returns the size of the disk it starts from.
fn boot_disk(section: &Section) -> u64 {
    let order =
        section.get("boot").and_then(|boot| boot.strip_prefix("order=")).unwrap_or_default();
    let drives = Machine::drives(section);
    let first = order.split(';').find_map(|key| drives.iter().find(|(name, _)| name == key));
    first.and_then(|(_, drive)| drive.size()).unwrap_or(0)
}

fn memory(section: &Section) -> u64 {
    let text = section.get("memory").unwrap_or("512");
    text.strip_prefix("current=").unwrap_or(text).parse().unwrap_or(512)
}

pub(super) fn list(run: &Run, _: &mut Given) -> Outcome<u8> {
    let vmids = machines(run)?;
    if !vmids.is_empty() {
        say::out(&format!(
            "{:>10} {:<20} {:<10} {:<10} {:>12} {:<10}\n",
            "VMID", "NAME", "STATUS", "MEM(MB)", "BOOTDISK(GB)", "PID"
        ));
    }
    for vmid in vmids {
        let section = run.machine(vmid)?.main;
        let hundredths = boot_disk(&section) * 100 / (1 << 30);
        say::out(&format!(
            "{vmid:>10} {:<20} {:<10} {:<10} {:>12} {:<10}\n",
            section.get("name").map_or_else(|| format!("VM {vmid}"), str::to_owned),
            state(run, vmid),
            memory(&section),
            format!("{}.{:02}", hundredths / 100, hundredths % 100),
            run.machine_pid(vmid).unwrap_or(0)
        ));
    }
    Ok(0)
}

fn shown(key: &str, value: &str) -> String {
    match key {
        "description" => formats::encode(value),
        "cipassword" => "**********".into(),
        _ => value.to_owned(),
    }
}

pub(super) fn config(run: &Run, given: &mut Given) -> Outcome<u8> {
    let machine = run.machine(given.vmid("vmid"))?;
    let mut section = match given.get("snapshot") {
        Some(name) => machine
            .snapshots
            .get(name)
            .cloned()
            .ok_or_else(|| Die::new(format!("snapshot '{name}' does not exist")))?,
        None => machine.main,
    };
    if given.get("snapshot").is_none() && !given.is("current") {
        for key in formats::split_list(machine.pending.get("delete").unwrap_or_default()) {
            section.values.remove(key);
        }
        for (key, value) in machine.pending.values.iter().filter(|(key, _)| *key != "delete") {
            section.set(key, value.clone());
        }
    }
    for (key, value) in &section.values {
        say::out(&format!("{key}: {}\n", shown(key, value)));
    }
    Ok(0)
}

pub(super) fn pending(run: &Run, given: &mut Given) -> Outcome<u8> {
    let machine = run.machine(given.vmid("vmid"))?;
    let to_delete = formats::split_list(machine.pending.get("delete").unwrap_or_default());
    let mut keys: Vec<&String> =
        machine.main.values.keys().chain(machine.pending.values.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys.into_iter().filter(|key| *key != "delete") {
        let now = machine.main.get(key).map(|value| shown(key, value));
        if let Some(now) = now {
            let word = if to_delete.contains(&key.as_str()) { "del" } else { "cur" };
            say::out(&format!("{word} {key}: {now}\n"));
        }
        if let Some(new) = machine.pending.get(key) {
            say::out(&format!("new {key}: {}\n", shown(key, new)));
        }
    }
    Ok(0)
}

pub(super) fn snapshots(run: &Run, given: &mut Given) -> Outcome<u8> {
    let machine = run.machine(given.vmid("vmid"))?;
    say::out(&tree(&machine.main, &machine.snapshots));
    Ok(0)
}

/// Returns all machines as the programming interface lists them.
pub(crate) fn all_as_json(run: &Run) -> Outcome<Value> {
    let mut all = Vec::new();
    for vmid in machines(run)? {
        let section = run.machine(vmid)?.main;
        all.push(json!({
            "cpus": section.get("cores").and_then(|cores| cores.parse::<u64>().ok()).unwrap_or(1),
            "maxdisk": boot_disk(&section),
            "maxmem": memory(&section) << 20,
            "name": section.get("name"),
            "status": state(run, vmid),
            "vmid": vmid,
        }));
    }
    Ok(Value::Array(all))
}

pub(crate) fn tags(run: &Run, vmid: u32) -> Option<String> {
    run.machine(vmid).ok()?.main.get("tags").map(str::to_owned)
}

/// Returns the drives that hold data of their own.
pub(super) fn disks(section: &Section) -> Vec<(String, Drive)> {
    Machine::drives(section).into_iter().filter(|(_, drive)| !drive.is_cdrom()).collect()
}
