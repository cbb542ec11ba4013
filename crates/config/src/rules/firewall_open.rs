//! A firewall that is on lets nothing in that no rule names.

use phoenix_domain::{FirewallAction, FirewallRule, TrafficDirection};

use super::{Rule, Together, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CLOSED: Code = code!("0705", Warning, "the firewall keeps a declared port closed");
static NOTHING: Code = code!("0706", Warning, "the firewall lets nothing in");

pub(super) const RULE: Rule = Rule { codes: &[&CLOSED, &NOTHING], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut nothing = Together::default();
    for guest in scene.guests {
        let firewall = &guest.spec.firewall;
        if !firewall.enabled {
            continue;
        }
        if !firewall.rules.iter().any(lets_in) {
            nothing.add(guest, || guest.at("firewall").key("enabled"));
            continue;
        }
        let is_closed = |port: &u16| !is_open(&firewall.rules, *port);
        let ports = guest.spec.ports.iter().map(|mapping| mapping.inside);
        if ports.clone().any(|port| is_closed(&port)) {
            closed(guest, ports.filter(is_closed).collect(), findings);
        }
    }
    if let Some((place, guests)) = nothing.called() {
        findings.add(
            Finding::new(&NOTHING, place, format!("the firewall lets nothing in to {guests}"))
                .label("on, without a rule that accepts traffic `in`")
                .help("add a rule to `firewall.rules` for each port that is to be reached, or turn the firewall off"),
        );
    }
}

fn closed(guest: &Guest, ports: Vec<u16>, findings: &Findings) {
    let (s, first) = (if ports.len() == 1 { "" } else { "s" }, ports.first().copied().unwrap_or(0));
    let message =
        format!("the firewall of {} keeps its port{s} {} closed", guest.called(), listed(ports));
    findings.add(
        Finding::new(&CLOSED, guest.at("firewall").key("rules"), message)
            .also(guest.at("ports"), "declared here")
            .help(format!(
                "add a rule `{{ \"type\": \"in\", \"action\": \"ACCEPT\", \"proto\": \"tcp\", \"port\": \"{first}\" }}` if it is to be reached from outside"
            )),
    );
}

fn lets_in(rule: &FirewallRule) -> bool {
    rule.direction == TrafficDirection::In && rule.action == FirewallAction::Accept
}

/// Says whether somebody can reach a port: the first rule that matches decides.
fn is_open(rules: &[FirewallRule], port: u16) -> bool {
    let inwards = rules.iter().filter(|rule| rule.direction == TrafficDirection::In);
    for rule in inwards.filter(|rule| matches_port(rule, port)) {
        match rule.action {
            FirewallAction::Accept => return true,
            // One that shuts out some leaves it open to others.
            FirewallAction::Drop | FirewallAction::Reject => {
                if rule.source.is_none() && rule.iface.is_none() {
                    return false;
                }
            }
        }
    }
    false
}

fn matches_port(rule: &FirewallRule, port: u16) -> bool {
    let is_proto = match rule.proto.as_deref() {
        None => true,
        Some(proto) => ["tcp", "udp"].iter().any(|ours| proto.eq_ignore_ascii_case(ours)),
    };
    is_proto
        && rule.port.as_deref().is_none_or(|ports| {
            ports.split(',').map(str::trim).any(|item| match item.split_once(':') {
                Some((from, to)) => matches!(
                    (from.parse::<u16>(), to.parse::<u16>()),
                    (Ok(from), Ok(to)) if (from..=to).contains(&port)
                ),
                // A name of a service may stand for it: no cause for alarm.
                None => item.parse::<u16>().map_or(true, |item| item == port),
            })
        })
}
