//! Proxmox refuses a firewall rule that it cannot read, and with it the whole file.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::FirewallRule;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::shared::RawFirewallRule;
use crate::scene::Scene;

static CODE: Code = code!("0707", Error, "Proxmox does not take a firewall rule");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// The parts of a rule that can be wrong.
#[derive(Clone, Copy)]
struct Parts<'a> {
    proto: Option<&'a str>,
    port: Option<&'a str>,
    source: Option<&'a str>,
    dest: Option<&'a str>,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        for (nth, rule) in guest.spec.firewall.rules.iter().enumerate() {
            look_at(Parts::of(rule), findings, || {
                (guest.called(), guest.at("firewall").key("rules").index(nth))
            });
        }
    }
    let rules = scene.hypervisor.firewall.as_ref();
    for (nth, rule) in
        rules.iter().filter_map(|all| all.global_firewall_rules.as_ref()).flatten().enumerate()
    {
        let place = || Place::of_host("firewall").key("global_firewall_rules").index(nth);
        look_at(Parts::of_host(rule), findings, || ("the host".to_owned(), place()));
        let word = |word: &Option<String>| word.as_deref().unwrap_or_default().to_ascii_lowercase();
        if !["in", "out"].contains(&&*word(&rule.direction)) {
            let message = "a firewall rule of the host has no direction that Proxmox knows";
            findings.add(
                Finding::new(&CODE, place().key("type"), message).help("`type` is `in` or `out`"),
            );
        }
        if !["accept", "drop", "reject"].contains(&&*word(&rule.action)) {
            let message = "a firewall rule of the host has no action that Proxmox knows";
            findings.add(
                Finding::new(&CODE, place().key("action"), message)
                    .help("`action` is `ACCEPT`, `DROP` or `REJECT`"),
            );
        }
    }
}

fn look_at(rule: Parts<'_>, findings: &Findings, whose: impl Fn() -> (String, Place)) {
    let tell = |key: &'static str, what: String, help: &str| {
        let (whose, place) = whose();
        let message = format!("a firewall rule of {whose} {what}");
        findings.add(Finding::new(&CODE, place.key(key), message).help(help));
    };
    if let Some(port) = rule.port {
        if let Err(why) = ports(port) {
            let help = "ports are written `80`, `80,443` or `9000:9100`, up to 15 of them";
            tell("port", format!("has the port `{port}`: {why}"), help);
        } else if let Some(proto) = rule.proto {
            let has_ports = ["tcp", "udp", "udplite", "dccp", "sctp"];
            // A kind of ICMP message may stand in the place of the port.
            let is_kind = proto.to_ascii_lowercase().contains("icmp")
                && port.starts_with(|c: char| c.is_ascii_alphabetic());
            if !is_kind && !has_ports.iter().any(|known| proto.eq_ignore_ascii_case(known)) {
                tell(
                    "port",
                    format!("has a port, but `{proto}` has none"),
                    "remove `port`, or write `\"proto\": \"tcp\"`",
                );
            }
        } else {
            tell(
                "port",
                format!("has the port `{port}` and no protocol"),
                "say whether `\"proto\": \"tcp\"` or `\"udp\"` is meant; for both, write two rules",
            );
        }
    }
    for (key, list) in [("source", rule.source), ("dest", rule.dest)] {
        for end in list.iter().flat_map(|list| list.split(',')).map(str::trim) {
            if !is_end(end) {
                tell(
                    key,
                    format!("has the {key} `{end}`, which is no address"),
                    "write an address (`10.0.0.153`), a network (`10.0.0.0/24`), a range (`10.0.0.5-10.0.0.9`), an alias or `+` and the name of a set; absent means any",
                );
            }
        }
    }
}

impl<'a> Parts<'a> {
    fn of(rule: &'a FirewallRule) -> Self {
        let text = |text: &'a Option<Box<str>>| text.as_deref().filter(|text| !text.is_empty());
        Self {
            proto: text(&rule.proto),
            port: text(&rule.port),
            source: text(&rule.source),
            dest: text(&rule.dest),
        }
    }

    fn of_host(rule: &'a RawFirewallRule) -> Self {
        let text =
            |text: Option<&'a String>| text.map(String::as_str).filter(|text| !text.is_empty());
        Self {
            proto: text(rule.proto.as_ref()),
            port: text(rule.port.as_ref().map(|port| &port.0)),
            source: text(rule.source.as_ref()),
            dest: text(rule.dest.as_ref()),
        }
    }
}

fn ports(list: &str) -> Result<(), &'static str> {
    const MOST: usize = 15;
    let mut count = 0;
    for item in list.split(',') {
        let is_name = item.starts_with(|c: char| c.is_ascii_alphabetic())
            && item.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        match item.split_once(':') {
            Some((from, to)) => match (from.parse::<u16>(), to.parse::<u16>()) {
                (Ok(from), Ok(to)) if from < to => count += 2,
                (Ok(_), Ok(_)) => return Err("a range goes from the smaller to the larger"),
                (Err(_), _) | (_, Err(_)) => return Err("this is no range of ports"),
            },
            None if is_name => count += 1,
            None if item.parse::<u16>().is_ok_and(|port| port != 0) => count += 1,
            None => return Err("this is no list of ports"),
        }
    }
    if count > MOST { Err("these are too many ports for one rule") } else { Ok(()) }
}

/// Says whether Proxmox takes this as one end of a connection.
fn is_end(end: &str) -> bool {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let name = end.strip_prefix('+').unwrap_or(end);
    let name =
        ["dc/", "guest/", "sdn/"].iter().find_map(|scope| name.strip_prefix(scope)).unwrap_or(name);
    let is_name = name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_name
        || is_address(end)
        || end.parse::<IpNet>().is_ok()
        || end.split_once('-').is_some_and(|(from, to)| is_address(from) && is_address(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_single_ones_lists_and_ranges() {
        for good in ["80", "80,443", "9000:9100", "ssh", "80,9000:9100,https"] {
            assert!(ports(good).is_ok(), "{good}");
        }
        let many = vec!["1"; 16].join(",");
        for bad in ["", "0", "70000", "80-90", "9100:9000", "80, 443", "80,", ":80", &many] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ends_are_addresses_networks_ranges_and_names() {
        for good in [
            "10.0.0.1",
            "10.0.0.0/24",
            "0.0.0.0/0",
            "10.0.0.1-10.0.0.9",
            "fd00::/8",
            "+gateways",
            "dc/gateway",
            "gateway",
        ] {
            assert!(is_end(good), "{good}");
        }
        for bad in ["", "10.0.0.300", "10.0.0.0/33", "gateway.lan", "10.0.0.1-", "10.0.0.1:80"] {
            assert!(!is_end(bad), "{bad}");
        }
    }
}
