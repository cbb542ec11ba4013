//! An interface is plugged into a bridge or VNet, which Proxmox looks for only at the start.

use phoenix_domain::BridgeName;

use super::groups::{Groups, per};
use super::{Rule, did_you_mean, listed, not_checked, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0206", Error, "a bridge does not exist");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let listed_bridges = scene.inventory.and_then(|inventory| inventory.bridges.as_deref());
    let mut unknown: Groups<&BridgeName, (&Guest, usize)> = Groups::new();
    for guest in scene.guests {
        for (nth, nic) in guest.spec.nics.iter().enumerate() {
            let is_known = scene.host.network(&nic.bridge).is_some()
                || match listed_bridges {
                    Some(bridges) => bridges.iter().any(|bridge| bridge == nic.bridge.as_str()),
                    // The installer of Proxmox makes it.
                    None => nic.bridge.as_str() == "vmbr0",
                };
            if !is_known {
                unknown.add(&nic.bridge, (guest, nth));
            }
        }
    }
    let mut doubtful = Vec::new();
    for (bridge, found) in unknown.into_iter() {
        let name = bridge.as_str();
        match listed_bridges {
            Some(bridges) => findings.extend(not_there(scene, name, bridges, &found)),
            None if is_vnet_id(name) || looks_like_bridge(name) => doubtful.push((name, found)),
            None => findings.extend(impossible(name, &found)),
        }
    }
    if let Some((_, found)) = doubtful.first()
        && let Some((guest, nth)) = found.first()
    {
        let names = listed(doubtful.iter().map(|(name, _)| format!("`{name}`")));
        let what = per(&doubtful, "a bridge or VNet", "bridges or VNets");
        findings.add(not_checked(guest.bridge_at(*nth), &format!("the host has {what} {names}")));
    }
}

fn not_there(
    scene: &Scene<'_>,
    name: &str,
    bridges: &[String],
    found: &[(&Guest, usize)],
) -> Option<Finding> {
    let finding = told(name, "which the host does not have", found)?;
    let known = bridges
        .iter()
        .map(String::as_str)
        .chain(scene.host.networks.iter().map(|network| network.bridge.as_str()));
    if let Some(near) = did_you_mean(name, known.clone()) {
        return Some(finding.help(format!("did you mean `{near}`?")));
    }
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    known.dedup();
    Some(finding.help(format!("the host has {}", listed(known))))
}

fn impossible(name: &str, found: &[(&Guest, usize)]) -> Option<Finding> {
    let what = "which is no bridge of the host's file, and no id of an SDN VNet either";
    Some(
        told(name, what, found)?
            .label(format!("a VNet cannot be called so: {}", why_no_vnet(name)))
            .help("the id of a VNet has 2 to 8 letters and digits and begins with a letter")
            .help(
                "if the host has a bridge of this name, list it under `bridges` in \
                 `inventory.json` beside the config",
            ),
    )
}

fn told(name: &str, what: &str, found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let guests: Vec<_> = found.iter().map(|(guest, _)| *guest).collect();
    let verb = per(found, "is", "are");
    let message = format!("{} {verb} connected to `{name}`, {what}", some_of(&guests));
    Some(Finding::new(&CODE, first.bridge_at(*nth), message))
}

/// Says whether Proxmox takes a name as the id of an SDN VNet; it begins with a letter already.
fn is_vnet_id(name: &str) -> bool {
    (2..=8).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn why_no_vnet(name: &str) -> String {
    let odd = name.chars().find(|c| !c.is_ascii_alphanumeric());
    let length = match name.len() {
        2..=8 => None,
        1 => Some("it has one character".to_owned()),
        length => Some(format!("it has {length} characters")),
    };
    match (length, odd) {
        (Some(length), Some(odd)) => format!("{length} and a `{odd}`"),
        (Some(length), None) => length,
        (None, Some(odd)) => format!("it has a `{odd}`"),
        (None, None) => "Proxmox refuses it".to_owned(),
    }
}

/// Says whether a name is of the kind that bridges and ports of a host have: `vmbr0`, `vmbr0.10`,
/// `br-lan`, `enp3s0`, `bond0`.
fn looks_like_bridge(name: &str) -> bool {
    const BEGINNINGS: &[&str] = &["vmbr", "br", "bond", "en", "eth", "wl"];
    let (base, tag) = name.split_once('.').unwrap_or((name, "1"));
    BEGINNINGS.iter().any(|beginning| base.starts_with(beginning))
        && tag.parse::<u16>().is_ok_and(|tag| (1..=4094).contains(&tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, Folder, Input, Library, load};

    #[test]
    fn with_an_inventory_a_bridge_is_there_or_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let host = r#"{"network": {"interfaces": {"name": "vmbr1", "address": "10.0.0.1/24"}}}"#;
        let guest = |name: &str, bridge: &str| {
            format!(
                r#"{{"name": "{name}", "template": "x", "storage_pool": "local-lvm",
                    "storage_size_gb": 8, "network_config": {{"ip": "dhcp", "bridge": "{bridge}"}}}}"#
            )
        };
        let guests = format!(
            r#"{{"lxc_configs": {{"100": {}, "101": {}, "102": {}, "103": {}}}}}"#,
            guest("made-by-us", "vmbr1"),
            guest("there", "vmbr2"),
            guest("mistyped", "vmbr22"),
            guest("not-made-by-the-installer", "vmbr0"),
        );
        for (file, text) in [
            (File::Hypervisor, host),
            (File::Lxc, &guests),
            (File::Inventory, r#"{"bridges": ["vmbr2"]}"#),
        ] {
            std::fs::write(folder.path().join(file.name()), text).unwrap();
        }

        let library = Library::built_in().unwrap();
        let folder = Folder::new(folder.path());
        let loaded = load(&Input { folder: &folder, inventory: None, library: &library });

        let told = loaded.findings.iter().filter(|finding| *finding.code == CODE);
        let help: Vec<_> = told.flat_map(|finding| &finding.help).collect();
        assert_eq!(help, ["did you mean `vmbr2`?", "did you mean `vmbr1`?"]);
    }

    #[test]
    fn a_bridge_may_be_a_vnet_or_a_bridge_made_by_hand() {
        for vnet in ["lab", "v1", "phoenix1"] {
            assert!(is_vnet_id(vnet), "{vnet}");
        }
        for bridge in ["vmbr1", "vmbr0.10", "br-lan", "enp3s0f0", "bond0.4094"] {
            assert!(looks_like_bridge(bridge), "{bridge}");
        }
        for neither in ["phoenix-vnet", "x", "vmbr0.4095", "lab.10", "phoenix12"] {
            assert!(!is_vnet_id(neither) && !looks_like_bridge(neither), "{neither}");
        }
    }
}
