//! ZFS pools, of blank disks and of none else.

use phoenix_config::{HostSpec, Pool, RaidLevel};
use serde_json::Value;

use super::Given;
use crate::change::{Act, HostChange, Impact, Run};
use crate::host::Host;
use crate::item::{Check, Item, Look, Refusal};

const BY_ID: &str = "/dev/disk/by-id/";

/// One pool: what is wrong with one keeps no other from being made.
pub(super) struct OnePool {
    pool: Pool,
    /// Disks whose owner has agreed that what is on them is lost.
    wipe: Vec<String>,
}

impl OnePool {
    pub(super) fn all(spec: &HostSpec, given: &Given) -> impl Iterator<Item = Self> {
        spec.pools.iter().map(|pool| Self { pool: pool.clone(), wipe: given.wipe.clone() })
    }
}

impl Item for OnePool {
    fn name(&self) -> &'static str {
        "pools"
    }

    fn part(&self) -> Option<&str> {
        Some(&self.pool.name)
    }

    fn about(&self) -> &'static str {
        "a ZFS pool"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let pool = &self.pool;
        let there = host.asked(&["zpool", "list", "-H", "-o", "name"])?;
        let there: Vec<_> = there.lines().map(str::trim).collect();
        if there.contains(&&*pool.name) {
            is_as_written(host, pool)?;
            return Ok(Look::default());
        }
        is_nowhere(host, pool)?;
        Ok(Look::of(self.make(host, &there)?))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let pool = &self.pool;
        let status = host.asked(&["zpool", "status", "-x", &pool.name]);
        let wrong = status.map(|status| {
            let is_healthy = status.trim() == format!("pool '{}' is healthy", pool.name);
            (!is_healthy).then(|| status.lines().take(2).collect::<Vec<_>>().join(" "))
        });
        let healthy = Check::of(format!("the pool {} is healthy", pool.name), wrong);
        let disks: &[String] = if host.has("smartctl") { &pool.disks } else { &[] };
        std::iter::once(healthy).chain(disks.iter().filter_map(|disk| worn(host, disk))).collect()
    }
}

impl OnePool {
    fn make(&self, host: &Host, there: &[&str]) -> Result<Vec<HostChange>, Refusal> {
        let pool = &self.pool;
        let mut changes = Vec::new();
        for disk in &pool.disks {
            if !disk.starts_with(BY_ID) || disk.contains("..") {
                let why = "the name of a disk may be another one's after a reboot";
                return Err(Refusal::new(disk, why, format!("name it by {BY_ID}…")));
            }
            let found = found(host, disk)?;
            if found.all.is_empty() {
                continue;
            }
            let listed = found.all.join(", ");
            for other in there {
                let status = host.asked(&["zpool", "status", "-P", other])?;
                if members(&status).iter().any(|member| is_part_of(host, member, disk)) {
                    let advice = format!("name another disk, or give up `{other}` by hand");
                    return Err(Refusal::new(
                        disk,
                        format!("it belongs to the pool {other}"),
                        advice,
                    ));
                }
            }
            if !self.wipe.contains(disk) {
                let advice = format!(
                    "if that is to be lost: `phoenix setup --wipe {disk}`, which asks for its name"
                );
                return Err(Refusal::new(disk, format!("it is not blank: {listed}"), advice));
            }
            if let Some(used) = found.used {
                return Err(Refusal::new(
                    disk,
                    format!("it is in use: {used}"),
                    "unmount it first",
                ));
            }
            let words = ["wipefs", "--all", "--"].map(str::to_owned);
            // What is in a disk goes before the table that says where it is.
            let words = words.into_iter().chain(found.parts).chain([disk.clone()]);
            let why = format!("its owner has agreed to lose {listed}");
            changes.push(HostChange::live(Act::Run(Run::of(words)), why).at_cost(Impact::Destroys));
        }
        let level = match pool.level {
            RaidLevel::Single => None,
            RaidLevel::Mirror => Some("mirror".to_owned()),
            RaidLevel::Raidz(parity) => Some(format!("raidz{parity}")),
        };
        let words = [
            "zpool",
            "create",
            "-o",
            "ashift=12",
            "-o",
            "autotrim=on",
            "-O",
            "compression=lz4",
            "-O",
            "atime=off",
            "--",
            &pool.name,
        ];
        let words =
            words.into_iter().map(str::to_owned).chain(level).chain(pool.disks.iter().cloned());
        changes.push(HostChange::live(Act::Run(Run::of(words)), "there is no such pool"));
        Ok(changes)
    }
}

/// What is on a disk.
#[derive(Debug, Default)]
struct Found {
    /// All of it, for people.
    all: Vec<String>,
    /// Its parts.
    parts: Vec<String>,
    /// What uses it.
    used: Option<String>,
}

fn found(host: &Host, disk: &str) -> Result<Found, Refusal> {
    let listed = host.asked_json(&[
        "lsblk",
        "--json",
        "--paths",
        "--output",
        "NAME,TYPE,FSTYPE,LABEL,MOUNTPOINTS",
        disk,
    ])?;
    let devices = listed.get("blockdevices").and_then(Value::as_array);
    let Some([device]) = devices.map(Vec::as_slice) else {
        return Err(Refusal::new(
            disk,
            "it is no disk",
            "`ls -l /dev/disk/by-id` lists those there are",
        ));
    };
    let mut found = Found::default();
    describe(device, &mut found);
    let signed = host.asked(&["wipefs", "--no-act", "--json", disk])?;
    if !signed.trim().is_empty() {
        let signed: Value = serde_json::from_str(&signed).map_err(|err| {
            Refusal::new(
                disk,
                format!("`wipefs` did not answer in JSON: {err}"),
                "type it, and see",
            )
        })?;
        for signature in signed.get("signatures").and_then(Value::as_array).into_iter().flatten() {
            let kind = signature.get("type").and_then(Value::as_str).unwrap_or("something");
            let what = format!("{kind} on it");
            if !found.all.contains(&what) {
                found.all.push(what);
            }
        }
    }
    Ok(found)
}

/// Adds what a device and its parts hold.
fn describe(device: &Value, found: &mut Found) {
    let text = |key: &str| device.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text("name").unwrap_or("?");
    if let Some(kind) = text("fstype") {
        let label = text("label").map(|label| format!(" `{label}`")).unwrap_or_default();
        found.all.push(format!("{kind}{label} in {name}"));
    }
    for place in device.get("mountpoints").and_then(Value::as_array).into_iter().flatten() {
        if let Some(place) = place.as_str() {
            found.used = Some(format!("{name} is mounted at {place}"));
        }
    }
    for part in device.get("children").and_then(Value::as_array).into_iter().flatten() {
        let name = part.get("name").and_then(Value::as_str).unwrap_or("?").to_owned();
        if part.get("fstype").and_then(Value::as_str).is_none() {
            found.all.push(format!("the partition {name}"));
        }
        found.parts.push(name);
        describe(part, found);
    }
}

fn is_nowhere(host: &Host, pool: &Pool) -> Result<(), Refusal> {
    let importable = host.ask(&["zpool", "import"])?.out;
    let is_it =
        |line: &str| line.trim().strip_prefix("pool:").is_some_and(|name| name.trim() == pool.name);
    if importable.lines().any(is_it) {
        let why = "its disks are there, and it is not imported";
        let advice = format!("`zpool import {}`", pool.name);
        return Err(Refusal::new(format!("the pool {}", pool.name), why, advice));
    }
    Ok(())
}

/// Refuses a pool that is made otherwise: nobody can change that.
fn is_as_written(host: &Host, pool: &Pool) -> Result<(), Refusal> {
    let status = host.asked(&["zpool", "status", "-P", &pool.name])?;
    let members = members(&status);
    let stranger =
        members.iter().find(|member| !pool.disks.iter().any(|disk| is_part_of(host, member, disk)));
    let missing =
        pool.disks.iter().find(|disk| !members.iter().any(|member| is_part_of(host, member, disk)));
    let why = match (stranger, missing) {
        (None, None) => return Ok(()),
        (_, Some(missing)) => format!("it has not the disk {missing}"),
        (Some(stranger), None) => format!("it has the disk {stranger} too"),
    };
    let advice = "write its disks as they are (`zpool status -P`): setup changes no pool";
    Err(Refusal::new(format!("the pool {}", pool.name), why, advice))
}

/// Returns the devices of a pool.
fn members(status: &str) -> Vec<String> {
    let config = status.lines().skip_while(|line| line.trim() != "config:").skip(1);
    let config = config.take_while(|line| !line.starts_with("errors:"));
    config
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

/// Says whether a device is a disk or a part of it.
fn is_part_of(host: &Host, member: &str, disk: &str) -> bool {
    let device = |path: &str| {
        let target = host.link(path).unwrap_or_else(|| path.to_owned());
        target.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let is_part = |rest: &str| {
        let digits = rest.strip_prefix("-part").or_else(|| rest.strip_prefix('p')).unwrap_or(rest);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_below = |member: &str, disk: &str| {
        !disk.is_empty() && member.strip_prefix(disk).is_some_and(is_part)
    };
    is_below(member, disk) || is_below(&device(member), &device(disk))
}

/// Looks how worn a disk is, where it says so.
fn worn(host: &Host, disk: &str) -> Option<Check> {
    let health: Value =
        serde_json::from_str(&host.ask(&["smartctl", "--json", "--all", disk]).ok()?.out).ok()?;
    let used = health.pointer("/nvme_smart_health_information_log/percentage_used")?.as_u64()?;
    Some(Check::that(
        format!("{disk} is not worn out"),
        used < 90,
        format!("{used} % of its life is used"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_disk_is_the_disk_and_another_disk_is_not() {
        let host = Host::new(std::path::Path::new("/nonexistent"));

        for (member, disk, is) in [
            ("/dev/disk/by-id/a-part1", "/dev/disk/by-id/a", true),
            ("/dev/disk/by-id/a", "/dev/disk/by-id/a", true),
            ("/dev/disk/by-id/ab", "/dev/disk/by-id/a", false),
            ("/dev/nvme0n1p1", "/dev/nvme0n1", true),
            ("/dev/sdb1", "/dev/sda", false),
        ] {
            assert_eq!(is_part_of(&host, member, disk), is, "{member} of {disk}");
        }
    }

    #[test]
    fn the_devices_of_a_pool_are_read() {
        let status = "  pool: tank\n state: ONLINE\nconfig:\n\n\tNAME                        STATE     READ WRITE CKSUM\n\ttank                        ONLINE       0     0     0\n\t  mirror-0                  ONLINE       0     0     0\n\t    /dev/disk/by-id/a-part1 ONLINE       0     0     0\n\t    /dev/disk/by-id/b-part1 ONLINE       0     0     0\n\nerrors: No known data errors\n";

        assert_eq!(members(status), ["/dev/disk/by-id/a-part1", "/dev/disk/by-id/b-part1"]);
    }

    #[test]
    fn what_is_in_parts_of_a_disk_is_found() {
        let device = serde_json::json!({ "name": "/dev/sda", "type": "disk", "fstype": null, "mountpoints": [null], "children": [
            { "name": "/dev/sda1", "type": "part", "fstype": "ext4", "label": "home", "mountpoints": ["/home"] },
            { "name": "/dev/sda2", "type": "part", "fstype": null, "mountpoints": [null] },
        ]});
        let mut found = Found::default();

        describe(&device, &mut found);

        assert_eq!(found.all, ["ext4 `home` in /dev/sda1", "the partition /dev/sda2"]);
        assert_eq!(found.parts, ["/dev/sda1", "/dev/sda2"]);
        assert_eq!(found.used.as_deref(), Some("/dev/sda1 is mounted at /home"));
    }
}
