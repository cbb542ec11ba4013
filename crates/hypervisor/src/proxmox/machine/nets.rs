//! `netN`: the interfaces of a machine. Their addresses are told by Cloud-Init, and stand in the seed.

use std::fmt::Write as _;

use phoenix_domain::{Address, GuestSpec, Mac, Nic, NodeName, Vmid};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::proxmox::conf::Section;
use crate::proxmox::words::pairs;

/// The models that Proxmox writes in front of the address.
const MODELS: [&str; 4] = ["virtio", "e1000", "vmxnet3", "rtl8139"];
/// The model of interfaces of ours.
const MODEL: &str = "virtio";

/// Returns the interfaces as they are to be, each with the address by which the seed knows it: the
/// wanted one, else the one it has (Proxmox gives each clone another one), else one of its own.
pub(super) fn addressed(want: &GuestSpec, cell: &NodeName, have: &Section) -> Vec<Nic> {
    let has = have.numbered("net");
    let known = |nth: usize| mac(has.get(&u32::try_from(nth).ok()?)?);
    let nics = want.nics.iter().enumerate();
    nics.map(|(nth, nic)| Nic {
        mac: nic.mac.or_else(|| known(nth)).or_else(|| own(cell, want.vmid, nth)),
        ..nic.clone()
    })
    .collect()
}

/// Returns the value of `netN`.
pub(super) fn write(nic: &Nic, is_guarded: bool) -> String {
    let mac = nic.mac.map(|mac| format!("={mac}")).unwrap_or_default();
    let firewall = if is_guarded { ",firewall=1" } else { "" };
    format!("{MODEL}{mac},bridge={}{firewall}", nic.bridge)
}

/// Reads the interfaces in the words of what is wanted, with the addresses that the seed tells.
pub(super) fn read(section: &Section, want: &GuestSpec, cell: &NodeName, seed: &Value) -> Vec<Nic> {
    let wanted = addressed(want, cell, section);
    let told: Vec<_> = seed
        .get("ethernets")
        .and_then(Value::as_object)
        .map(|all| all.values().collect())
        .unwrap_or_default();
    section
        .numbered("net")
        .into_iter()
        .enumerate()
        .map(|(nth, (index, value))| {
            let is_its_place = usize::try_from(index) == Ok(nth);
            let wanted = wanted.get(nth).filter(|_| is_its_place);
            let of = mac(value);
            let told = told.iter().find(|one| mac_in(one) == of).copied();
            let nic = interface(value, of, told, wanted);
            // An address that nobody asked for is as good as none.
            match (wanted, want.nics.get(nth)) {
                (Some(with), Some(asked)) if nic.mac == with.mac => Nic { mac: asked.mac, ..nic },
                _ => nic,
            }
        })
        .collect()
}

/// Says whether two values are of the same interface, in whatever order Proxmox has its parts.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    pairs(a, "model") == pairs(b, "model")
}

/// Says whether the firewall looks at each interface, or at none, as it should.
pub(super) fn is_guarded_alike(section: &Section, wanted: bool) -> bool {
    section.numbered("net").values().all(|value| is_guarded(value) == wanted)
}

fn is_guarded(value: &str) -> bool {
    pairs(value, "model").get("firewall") == Some(&"1")
}

fn interface(value: &str, mac: Option<Mac>, told: Option<&Value>, wanted: Option<&Nic>) -> Nic {
    let has = pairs(value, "model");
    let texts = |of: Option<&Value>| -> Vec<String> {
        let list = of.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let first = told.and_then(|told| texts(told.get("addresses")).into_iter().next());
    let address = first.and_then(|address| address.parse().ok()).unwrap_or(Address::Dhcp);
    let routes = told.and_then(|told| told.get("routes")).and_then(Value::as_array);
    let gateway = routes.and_then(|routes| routes.first()?.get("via")?.as_str()?.parse().ok());
    let servers = told.and_then(|told| told.get("nameservers")?.get("addresses"));
    let nameservers = texts(servers).iter().filter_map(|server| server.parse().ok()).collect();
    // What there is no word for makes it another interface; so does one that the seed does not know.
    let known = ["bridge", "firewall"];
    let odd = has.keys().find(|key| !known.contains(key) && !MODELS.contains(key)).copied();
    let odd = odd.or_else(|| (!has.contains_key(MODEL)).then_some("of another model"));
    let odd = odd.or_else(|| told.is_none().then_some("not told its address"));
    let bridge = has.get("bridge").and_then(|bridge| bridge.parse().ok());
    let bridge = bridge.or_else(|| wanted.map(|wanted| wanted.bridge.clone()));
    // With DHCP the server says where the way out is.
    let gateway = gateway.or(match (address, wanted) {
        (Address::Dhcp, Some(wanted)) => wanted.gateway,
        (Address::Dhcp | Address::Static(_), _) => None,
    });
    Nic {
        name: odd.map(Into::into).or_else(|| wanted.and_then(|wanted| wanted.name.clone())),
        bridge: bridge.unwrap_or_else(unnamed),
        address,
        gateway,
        mac,
        nameservers,
    }
}

#[expect(clippy::expect_used, reason = "a constant")]
fn unnamed() -> phoenix_domain::BridgeName {
    "none".parse().expect("it is a name")
}

/// Returns the address in the value of `netN`.
fn mac(value: &str) -> Option<Mac> {
    let has = pairs(value, "model");
    let after_model = MODELS.iter().find_map(|model| has.get(model));
    after_model.or_else(|| has.get("macaddr"))?.parse().ok()
}

fn mac_in(told: &Value) -> Option<Mac> {
    told.get("match")?.get("macaddress")?.as_str()?.to_uppercase().parse().ok()
}

/// Returns an address for an interface that says none: the same one each time, and nobody else's.
fn own(cell: &NodeName, vmid: Vmid, nth: usize) -> Option<Mac> {
    let digest = Sha256::digest(format!("{cell}/{vmid}/{nth}"));
    // The second bit of the first byte says that no maker gave it away.
    let mut text = String::from("02");
    for byte in digest.iter().take(5) {
        // A String takes everything that is written to it.
        let _written = write!(text, ":{byte:02X}");
    }
    text.parse().ok()
}
