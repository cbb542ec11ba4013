//! `netN` and `nameserver`: the interfaces of a container.
//!
//! Proxmox orders the parts as it likes and adds some of its own, so that two texts are never
//! compared: what is wanted is spelled in parts, and the parts are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use phoenix_domain::{Address, GuestSpec, Nic};

use super::pairs;
use crate::proxmox::conf::Section;

/// Returns the value of `netN`. An interface without a wanted address of its own keeps the one it
/// has: without one, Proxmox would invent another each time.
pub(crate) fn write(nic: &Nic, nth: usize, has: Option<&str>, has_firewall: bool) -> String {
    let mut text = format!("name={},bridge={}", name(nic, nth), nic.bridge);
    let mac = match (&nic.mac, has) {
        (Some(mac), _) => Some(mac.to_string()),
        (None, Some(has)) => pairs(has, "").get("hwaddr").map(|mac| (*mac).to_owned()),
        (None, None) => None,
    };
    for (key, value) in parts(nic, has_firewall) {
        // A String takes everything that is written to it.
        let _written = write!(text, ",{key}={value}");
    }
    if let Some(mac) = mac {
        text.push_str(",hwaddr=");
        text.push_str(&mac);
    }
    text
}

/// Returns the value of `nameserver`; nothing where those of the host are used.
pub(crate) fn nameserver(nics: &[Nic]) -> Option<String> {
    let servers = nameservers(nics);
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    (!servers.is_empty()).then(|| servers.join(" "))
}

/// Reads the interfaces in the words of what is wanted.
pub(crate) fn read(section: &Section, want: &GuestSpec) -> Vec<Nic> {
    let mut nics: Vec<_> = section
        .numbered("net")
        .into_iter()
        .enumerate()
        .map(|(nth, (index, value))| {
            let wanted = want.nics.get(nth).filter(|_| usize::try_from(index) == Ok(nth));
            interface(value, nth, wanted)
        })
        .collect();
    let has: Vec<IpAddr> = section
        .get("nameserver")
        .unwrap_or_default()
        .split([' ', ',', ';'])
        .filter_map(|server| server.parse().ok())
        .collect();
    if has == nameservers(&want.nics) {
        for (nic, wanted) in nics.iter_mut().zip(&want.nics) {
            nic.nameservers.clone_from(&wanted.nameservers);
        }
    } else if let Some(first) = nics.first_mut() {
        first.nameservers = has;
    }
    nics
}

/// Says whether the firewall looks at an interface.
pub(crate) fn is_guarded(value: &str) -> bool {
    pairs(value, "").get("firewall") == Some(&"1")
}

/// Says whether the firewall looks at each interface, or at none, as it should.
pub(crate) fn is_guarded_alike(section: &Section, wanted: bool) -> bool {
    section.numbered("net").values().all(|value| is_guarded(value) == wanted)
}

fn nameservers(nics: &[Nic]) -> Vec<IpAddr> {
    let mut servers: Vec<IpAddr> = Vec::new();
    for server in nics.iter().flat_map(|nic| &nic.nameservers) {
        if !servers.contains(server) {
            servers.push(*server);
        }
    }
    servers
}

fn name(nic: &Nic, nth: usize) -> String {
    nic.name.as_deref().map_or_else(|| format!("eth{nth}"), str::to_owned)
}

/// Returns what is wanted besides name, bridge and MAC address.
fn parts(nic: &Nic, has_firewall: bool) -> BTreeMap<&'static str, String> {
    let mut parts = BTreeMap::new();
    let is_six = matches!(nic.address, Address::Static(net) if net.addr().is_ipv6());
    let (ip, gw) = if is_six { ("ip6", "gw6") } else { ("ip", "gw") };
    parts.insert(ip, nic.address.to_string());
    // With DHCP the server says where the way out is.
    if let (Some(gateway), Address::Static(_)) = (nic.gateway, nic.address) {
        parts.insert(gw, gateway.to_string());
    }
    if has_firewall {
        parts.insert("firewall", "1".to_owned());
    }
    parts
}

/// Reads one interface.
fn interface(value: &str, nth: usize, wanted: Option<&Nic>) -> Nic {
    let mut has = pairs(value, "");
    has.remove("type");
    has.remove("firewall");
    if let Some(wanted) = wanted {
        let mut parts: BTreeMap<_, _> = parts(wanted, false).into_iter().collect();
        parts.insert("name", name(wanted, nth));
        parts.insert("bridge", wanted.bridge.to_string());
        let mac = has.get("hwaddr").copied().unwrap_or_default().to_owned();
        parts.insert("hwaddr", wanted.mac.map_or_else(|| mac.clone(), |mac| mac.to_string()));
        let is_same = parts.len() == has.len()
            && parts.iter().all(|(key, value)| {
                has.get(key).is_some_and(|has| has.eq_ignore_ascii_case(value))
            });
        if is_same {
            return Nic { nameservers: Vec::new(), ..wanted.clone() };
        }
    }
    let address = has.get("ip").or_else(|| has.get("ip6")).and_then(|ip| ip.parse().ok());
    let gateway = has.get("gw").or_else(|| has.get("gw6")).and_then(|gw| gw.parse().ok());
    // What there is no word for shows behind the name, and makes it another interface.
    let known = ["name", "bridge", "ip", "ip6", "gw", "gw6", "hwaddr"];
    let mut shown = has.get("name").copied().unwrap_or_default().to_owned();
    for (key, value) in has.iter().filter(|(key, _)| !known.contains(key)) {
        let _written = write!(shown, ",{key}={value}");
    }
    if address.is_none() {
        shown.push_str(",no address");
    }
    let bridge = has.get("bridge").and_then(|bridge| bridge.parse().ok());
    let no_bridge = || wanted.map(|wanted| wanted.bridge.clone());
    Nic {
        name: Some(shown.into()),
        // An interface without a bridge is none that anybody can ask for; it differs by its name.
        bridge: bridge.or_else(no_bridge).unwrap_or_else(unnamed),
        address: address.unwrap_or(Address::Dhcp),
        gateway,
        mac: has.get("hwaddr").and_then(|mac| mac.parse().ok()),
        nameservers: Vec::new(),
    }
}

#[expect(clippy::expect_used, reason = "a constant")]
fn unnamed() -> phoenix_domain::BridgeName {
    "none".parse().expect("it is a name")
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;
    use crate::proxmox::conf::Conf;

    fn nic(mac: Option<&str>, address: &str) -> Nic {
        Nic {
            name: Some("eth0".into()),
            bridge: "vmbr0".parse().unwrap(),
            address: address.parse().unwrap(),
            gateway: Some("10.0.0.1".parse().unwrap()),
            mac: mac.map(|mac| mac.parse().unwrap()),
            nameservers: vec!["10.0.0.2".parse().unwrap()],
        }
    }

    fn wanting(nics: &[Nic]) -> GuestSpec {
        GuestSpec { nics: nics.to_vec(), ..guest(950).build() }
    }

    fn conf(text: &str) -> Section {
        Conf::read(text).main
    }

    #[test]
    fn what_is_written_is_read_again_in_whatever_order_proxmox_has_it() {
        for (mac, address) in [
            (Some("52:54:00:00:00:B0"), "10.0.0.150/24"),
            (None, "10.0.0.150/24"),
            (None, "dhcp"),
            (None, "fd00::5/64"),
        ] {
            let want = wanting(&[nic(mac, address)]);
            let value = write(&want.nics[0], 0, Some("name=eth0,hwaddr=BC:24:11:60:F3:21"), true);
            let mut parts: Vec<_> = value.split(',').collect();
            parts.sort_unstable();
            let text = format!("net0: {},type=veth\nnameserver: 10.0.0.2\n", parts.join(","));
            assert_eq!(read(&conf(&text), &want), want.nics, "{text}");
            assert!(is_guarded_alike(&conf(&text), true));
        }
    }

    #[test]
    fn another_value_and_one_there_is_no_word_for_are_differences() {
        let want = wanting(&[nic(None, "10.0.0.150/24")]);
        let base =
            "net0: bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:60:F3:21,ip=10.0.0.150/24,name=eth0";
        let servers = "\nnameserver: 10.0.0.2\n";
        assert_eq!(read(&conf(&format!("{base}{servers}")), &want), want.nics);
        for changed in [
            base.replace("vmbr0", "vmbr1"),
            base.replace("150/24", "151/24"),
            base.replace("gw=10.0.0.1,", ""),
            format!("{base},tag=5"),
            base.replace("ip=10.0.0.150/24,", ""),
            base.replace("net0", "net1"),
        ] {
            assert_ne!(read(&conf(&format!("{changed}{servers}")), &want), want.nics, "{changed}");
        }
        assert_ne!(read(&conf(base), &want), want.nics, "other resolvers");
        assert_ne!(read(&conf(""), &want), want.nics);
    }

    #[test]
    fn an_interface_keeps_the_address_proxmox_gave_it() {
        let value = write(&nic(None, "dhcp"), 0, Some("name=eth0,hwaddr=BC:24:11:60:F3:21"), false);
        assert_eq!(value, "name=eth0,bridge=vmbr0,ip=dhcp,hwaddr=BC:24:11:60:F3:21");
        let value = write(
            &nic(Some("52:54:00:00:00:B0"), "dhcp"),
            0,
            Some("hwaddr=BC:24:11:60:F3:21"),
            false,
        );
        assert!(value.ends_with("hwaddr=52:54:00:00:00:B0"), "{value}");
    }
}
