//! Reading the parts that containers and machines write alike.

use std::collections::BTreeMap;
use std::net::IpAddr;

use phoenix_domain::{
    Address, Boot, BridgeName, Check, Firewall, FirewallAction, FirewallRule, Nic, PortMapping,
    Refused, Route, TestScript, TrafficDirection, Vmid,
};

use super::Reading;
use crate::place::Place;
use crate::raw::lenient::{Label, OneOrMany, Whole};
use crate::raw::shared::{RawCheck, RawFirewall, RawNic, RawRoute, RawTest};
use crate::scene::NicAt;

const DEFAULT_RETRIES: u32 = 3;
const DEFAULT_INTERVAL: u32 = 5;

/// What an interface has that does not say otherwise.
pub(super) struct NicDefaults<'a> {
    pub(super) name: Option<&'static str>,
    pub(super) bridge: Option<&'a BridgeName>,
    pub(super) mac: Option<&'a str>,
}

/// Returns where the parts of an interface are written.
pub(super) fn nic_at(key: &'static str, raw: &RawNic) -> NicAt {
    let is_written = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    NicAt { key, holds_bridge: is_written(&raw.bridge), holds_mac: is_written(&raw.hwaddr) }
}

/// Reads one network interface.
pub(super) fn nic(
    reading: &mut Reading<'_>,
    place: &Place,
    raw: &RawNic,
    defaults: &NicDefaults<'_>,
) -> Option<Nic> {
    let written = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let address = reading.required(
        place.clone(),
        written(&raw.ip),
        "ip",
        "write the address with its prefix (`10.0.0.150/24`), or `dhcp`",
    );
    let address: Address = reading.word(place.clone().key("ip"), &address?)?;
    let bridge: BridgeName = match (written(&raw.bridge), defaults.bridge) {
        (Some(bridge), _) => reading.word(place.clone().key("bridge"), &bridge)?,
        (None, Some(bridge)) => bridge.clone(),
        (None, None) => reading.word(place.clone().key("bridge"), "vmbr0")?,
    };
    let gateway =
        written(&raw.gw).and_then(|gateway| ip(reading, place.clone().key("gw"), &gateway));
    let (mac_place, mac) = match (written(&raw.hwaddr), defaults.mac) {
        (Some(mac), _) => (place.clone().key("hwaddr"), Some(mac)),
        (None, mac) => (reading.at("mac_address"), mac.map(str::to_owned)),
    };
    let mac = mac.and_then(|mac| reading.word(mac_place, &mac));
    let nameservers = raw
        .nameservers
        .iter()
        .flat_map(|list| &list.0)
        .flat_map(|text| text.split([' ', ',']))
        .filter(|text| !text.is_empty())
        .filter_map(|text| ip(reading, place.clone().key("nameservers"), text))
        .collect();
    let name =
        written(&raw.name).or_else(|| defaults.name.map(str::to_owned)).map(String::into_boxed_str);
    Some(Nic { name, bridge, address, gateway, mac, nameservers })
}

/// Reads an address without a prefix.
pub(super) fn ip(reading: &mut Reading<'_>, place: Place, text: &str) -> Option<IpAddr> {
    let address = text.trim().parse::<IpAddr>().map_err(|_| {
        Refused::new(text, "an IP address", "it is an address alone, without a prefix: `10.0.0.1`")
    });
    reading.taken(place, address)
}

/// Reads ids of other guests.
pub(super) fn guests(
    reading: &mut Reading<'_>,
    key: &'static str,
    raw: Option<&OneOrMany<Label>>,
) -> Vec<Vmid> {
    let mut guests = Vec::with_capacity(raw.map_or(0, |list| list.0.len()));
    for (nth, id) in raw.iter().flat_map(|list| &list.0).enumerate() {
        let place = reading.at(key).index(nth);
        if let Some(vmid) = reading.word(place, id.0.trim()).filter(|vmid| !guests.contains(vmid)) {
            guests.push(vmid);
        }
    }
    guests
}

/// Reads `outside:inside`, or one port that is both.
pub(super) fn ports(reading: &mut Reading<'_>, raw: Option<&OneOrMany<Label>>) -> Vec<PortMapping> {
    let mut ports = Vec::with_capacity(raw.map_or(0, |list| list.0.len()));
    for (nth, text) in raw.iter().flat_map(|list| &list.0).enumerate() {
        let (outside, inside) = text.0.split_once(':').unwrap_or((&text.0, &text.0));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
        let mapping = match (port(outside), port(inside)) {
            (Some(outside), Some(inside)) => Ok(PortMapping { outside, inside }),
            (None, _) | (_, None) => Err(Refused::new(
                &text.0,
                "a pair of ports",
                "ports are written `outside:inside`, each from 1 to 65535",
            )),
        };
        let place = reading.at("ports").index(nth);
        ports.extend(reading.taken(place, mapping));
    }
    ports
}

/// Reads one port.
pub(super) fn port(reading: &mut Reading<'_>, place: Place, Whole(number): Whole) -> Option<u16> {
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    let refused = || Refused::new(number.to_string(), "a port", "a port is from 1 to 65535");
    reading.taken(place, port.ok_or_else(refused))
}

/// Reads when and in which order a guest starts.
pub(super) fn boot(
    reading: &mut Reading<'_>,
    at_boot: Option<bool>,
    order: Option<Whole>,
    delay: Option<Whole>,
) -> Boot {
    Boot {
        at_boot: at_boot.unwrap_or(false),
        order: small(reading, "boot_order", order),
        delay: small(reading, "boot_delay", delay),
    }
}

/// Reads a number that fits into 32 bits.
pub(super) fn small(
    reading: &mut Reading<'_>,
    key: &'static str,
    raw: Option<Whole>,
) -> Option<u32> {
    let number = raw?.0;
    let small = u32::try_from(number).map_err(|_| {
        Refused::new(number.to_string(), "a number of this kind", "it is far too large")
    });
    let place = reading.at(key);
    reading.taken(place, small)
}

/// Reads the firewall of a guest.
pub(super) fn firewall(reading: &mut Reading<'_>, raw: Option<RawFirewall>) -> Firewall {
    let Some(raw) = raw else { return Firewall::default() };
    let raw_rules = raw.rules.unwrap_or_default();
    let mut rules = Vec::with_capacity(raw_rules.len());
    for (nth, rule) in raw_rules.into_iter().enumerate() {
        let place = reading.at("firewall").key("rules").index(nth);
        let direction = match rule.direction.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("in") => Some(TrafficDirection::In),
            Some("out") => Some(TrafficDirection::Out),
            Some(_) | None => {
                let rule = "`type` is `in` or `out`, seen from the guest";
                reading.refuse(
                    place.clone().key("type"),
                    "the direction of this rule is unknown",
                    rule,
                );
                None
            }
        };
        let action = match rule.action.as_deref().map(str::to_ascii_uppercase).as_deref() {
            Some("ACCEPT") => Some(FirewallAction::Accept),
            Some("DROP") => Some(FirewallAction::Drop),
            Some("REJECT") => Some(FirewallAction::Reject),
            Some(_) | None => {
                let rule = "`action` is `ACCEPT`, `DROP` or `REJECT`";
                reading.refuse(place.key("action"), "the action of this rule is unknown", rule);
                None
            }
        };
        let (Some(direction), Some(action)) = (direction, action) else { continue };
        let text = |text: Option<String>| text.map(String::into_boxed_str);
        rules.push(FirewallRule {
            direction,
            action,
            source: text(rule.source),
            dest: text(rule.dest),
            proto: text(rule.proto),
            port: text(rule.port.map(|port| port.0)),
            iface: text(rule.iface),
            comment: text(rule.comment),
        });
    }
    Firewall { enabled: raw.enabled.unwrap_or(false), rules }
}

/// Reads health checks in either spelling.
pub(super) fn checks(
    reading: &mut Reading<'_>,
    singular: Option<OneOrMany<RawCheck>>,
    plural: Option<OneOrMany<RawCheck>>,
) -> Vec<Check> {
    let count = |list: Option<&OneOrMany<RawCheck>>| list.map_or(0, |list| list.0.len());
    let mut checks = Vec::with_capacity(count(singular.as_ref()) + count(plural.as_ref()));
    for (key, list) in [("health_check", singular), ("health_checks", plural)] {
        for raw in list.into_iter().flat_map(|list| list.0) {
            let place = reading.at(key);
            let help = "a check is a command that succeeds in a healthy guest";
            let Some(command) = reading.required(place, raw.command, "command", help) else {
                continue;
            };
            let number = |whole: Option<Whole>, default| {
                whole.map_or(default, |whole| u32::try_from(whole.0).unwrap_or(u32::MAX))
            };
            checks.push(Check {
                name: raw.name.map(String::into_boxed_str),
                command: command.into_boxed_str(),
                retries: number(raw.retries, DEFAULT_RETRIES),
                interval: number(raw.interval, DEFAULT_INTERVAL),
            });
        }
    }
    checks
}

/// Reads the name under which the gateway offers a guest.
pub(super) fn route(reading: &mut Reading<'_>, raw: Option<RawRoute>) -> Option<Route> {
    let raw = raw?;
    let at = reading.at("traefik_service");
    let help = "a route has a `name` and a `port`";
    let name = reading.required(at.clone(), raw.name, "name", help);
    let port = reading.required(at.clone(), raw.port, "port", help);
    let port = port.and_then(|number| self::port(reading, at.key("port"), number));
    Some(Route {
        name: name?.into_boxed_str(),
        port: port?,
        scheme: raw.scheme.map(String::into_boxed_str),
    })
}

/// Reads suites of test scripts.
pub(super) fn tests(
    reading: &mut Reading<'_>,
    raw: Option<BTreeMap<String, Vec<RawTest>>>,
) -> BTreeMap<Box<str>, Vec<TestScript>> {
    let mut suites = BTreeMap::new();
    for (suite, tests) in raw.into_iter().flatten() {
        let mut scripts = Vec::new();
        for (nth, test) in tests.into_iter().enumerate() {
            let place = reading.at("tests").key(suite.clone()).index(nth);
            let help = "a test is a script below the folder of tests";
            let Some(path) = reading.required(place.clone(), test.path, "path", help) else {
                continue;
            };
            let Some(path) = reading.word(place.key("path"), &path) else { continue };
            let name = test.name.map_or_else(|| suite.as_str().into(), String::into_boxed_str);
            scripts.push(TestScript { name, path });
        }
        suites.insert(suite.into_boxed_str(), scripts);
    }
    suites
}
