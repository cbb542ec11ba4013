//! A network of Proxmox's own has ids that Proxmox takes, and addresses that lie in it.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host_spec::range;
use crate::place::Place;
use crate::raw::hypervisor::RawSdn;
use crate::scene::Scene;

static CODE: Code = code!("0911", Error, "Proxmox does not take a network of its own");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

const IDS: &str = "an id of a zone or VNet has 2 to 8 letters and digits and begins with a letter; \
                   what people are to read goes into `alias`";

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut vnets = HashMap::new();
    for (nth, sdn) in scene.hypervisor.sdn.iter().flatten().enumerate() {
        let at = Place::of_host("sdn").index(nth);
        for (key, id) in [("zone", &sdn.zone), ("vnet", &sdn.vnet)] {
            let Some(id) = id else {
                let message = format!("a network of Proxmox's own has no `{key}`");
                findings.add(Finding::new(&CODE, at.clone(), message).help(IDS));
                continue;
            };
            if let Some(why) = no_id(id) {
                let message = format!("the {key} `{id}` cannot be called so: {why}");
                findings.add(Finding::new(&CODE, at.clone().key(key), message).help(IDS));
            }
        }
        if let Some(vnet) = &sdn.vnet {
            is_no_bridge(scene, vnet, &at, findings);
            if let Some(first) = vnets.insert(vnet, at.clone()) {
                let message = format!("the VNet `{vnet}` is declared twice");
                findings.add(
                    Finding::new(&CODE, at.clone().key("vnet"), message)
                        .also(first.key("vnet"), "the first")
                        .help("one VNet has one subnet here: give the other another id"),
                );
            }
        }
        addresses(sdn, &at, findings);
    }
}

/// Says why Proxmox does not take an id, if it does not.
fn no_id(id: &str) -> Option<String> {
    if let Some(odd) = id.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Some(format!("it has a `{odd}`"));
    }
    match id.len() {
        2..=8 if id.starts_with(|c: char| c.is_ascii_alphabetic()) => None,
        2..=8 => Some("it begins with a digit".to_owned()),
        1 => Some("it has one character".to_owned()),
        length => Some(format!("it has {length} characters")),
    }
}

/// A VNet of a Simple zone is a bridge that nothing but guests is plugged into.
fn is_no_bridge(scene: &Scene<'_>, vnet: &str, at: &Place, findings: &Findings) {
    let network = scene.hypervisor.network.as_ref();
    let outer = network
        .and_then(|network| network.interfaces.as_ref())
        .map(|outer| outer.name.as_deref().unwrap_or("vmbr0"));
    let inner = network
        .and_then(|network| network.internal_bridge.as_ref())
        .map(|inner| inner.name.as_deref().unwrap_or("vmbr100"));
    if [outer, inner].contains(&Some(vnet)) || vnet == "vmbr0" {
        let message = format!("the VNet `{vnet}` is called as a bridge of the host");
        findings.add(Finding::new(&CODE, at.clone().key("vnet"), message).help(
            "Proxmox gives out addresses only in Simple zones, and a Simple zone is not bridged to \
             the network of the host: the host is its router. Give the VNet an id of its own",
        ));
    }
}

fn addresses(sdn: &RawSdn, at: &Place, findings: &Findings) {
    let subnet = sdn.subnet.as_deref().unwrap_or_default();
    let Ok(net) = subnet.parse::<IpNet>() else {
        let (place, message) = match &sdn.subnet {
            None => (at.clone(), "a network of Proxmox's own has no `subnet`".to_owned()),
            Some(text) => (at.clone().key("subnet"), format!("the subnet `{text}` is no network")),
        };
        findings.add(
            Finding::new(&CODE, place, message).help("write it with its prefix: 10.20.0.0/24"),
        );
        return;
    };
    if net != net.trunc() {
        let message = format!("the subnet `{subnet}` is an address in a network, and no network");
        let help = format!("write {}, and whoever has {} as `gateway`", net.trunc(), net.addr());
        findings.add(Finding::new(&CODE, at.clone().key("subnet"), message).help(help));
    }
    let tell = |key: &'static str, message: String| {
        let help = format!("write addresses of {}", net.trunc());
        findings.add(
            Finding::new(&CODE, at.clone().key(key), message)
                .also(at.clone().key("subnet"), "the subnet")
                .help(help),
        );
    };
    let is_host = |address: &IpAddr| {
        net.contains(address) && *address != net.network() && *address != net.broadcast()
    };
    let gateway = sdn.gateway.as_deref().map(str::parse::<IpAddr>);
    match (&sdn.gateway, gateway) {
        (Some(text), Some(Err(_))) => {
            tell("gateway", format!("the gateway `{text}` is no address"));
        }
        (Some(text), Some(Ok(gateway))) if !is_host(&gateway) => {
            tell("gateway", format!("the gateway {text} is no host of the subnet"));
        }
        (_, _) => {}
    }
    let gateway = sdn
        .gateway
        .as_deref()
        .map_or_else(|| net.trunc().hosts().next(), |gateway| gateway.parse().ok());
    for text in sdn.dhcp_ranges.iter().flat_map(|ranges| &ranges.0) {
        match range(text) {
            None => tell("dhcp_ranges", format!("`{text}` is no range of addresses")),
            Some((first, last)) if !is_host(&first) || !is_host(&last) || last < first => {
                tell("dhcp_ranges", format!("the range `{text}` does not lie in the subnet"));
            }
            Some((first, last)) if gateway.is_some_and(|gw| (first..=last).contains(&gw)) => {
                tell("dhcp_ranges", format!("the range `{text}` has the gateway in it"));
            }
            Some(_) => {}
        }
    }
    if let Some(text) = sdn.dns_server.as_deref()
        && text.parse::<IpAddr>().is_err()
    {
        let message = format!("the resolver `{text}` is no address");
        findings.add(
            Finding::new(&CODE, at.clone().key("dns_server"), message)
                .help("write the address that guests are to be told"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for good in ["v1", "phoenix", "phoenix1"] {
            assert_eq!(no_id(good), None, "{good}");
        }
        for (bad, why) in [
            ("phoenix-zone", "it has a `-`"),
            ("phoenix12", "it has 9 characters"),
            ("v", "it has one character"),
            ("1v", "it begins with a digit"),
        ] {
            assert_eq!(no_id(bad).as_deref(), Some(why), "{bad}");
        }
    }
}
