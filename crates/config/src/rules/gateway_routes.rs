//! A gateway leads to guests by the names of their routes, so each name has to lead to one guest.

use std::collections::HashMap;

use phoenix_domain::is_gateway;

use super::{Rule, Together};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static TWICE: Code = code!("0710", Error, "two routes are the same");
static NOWHERE: Code = code!("0711", Note, "a gateway leads nowhere");
static IMPOSSIBLE: Code = code!("0712", Error, "a route that no gateway can offer");
static INHERITED: Code = code!("0713", Warning, "a gateway is inherited, and never told anything");

pub(super) const RULE: Rule = Rule { codes: &[&TWICE, &NOWHERE, &IMPOSSIBLE, &INHERITED], check };

/// What a route takes for itself on a gateway.
#[derive(PartialEq, Eq, Hash)]
enum Taken {
    Label(String),
    Port(u16),
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut firsts: HashMap<Taken, &Guest> = HashMap::new();
    for guest in scene.guests.iter().filter(|guest| !guest.spec.rests()) {
        let Some(route) = &guest.spec.route else { continue };
        if let Some(fault) = route.fault() {
            let message = format!(
                "the route `{}` of {} cannot be offered: {fault}",
                route.name.escape_default(),
                guest.called()
            );
            findings.add(Finding::new(&IMPOSSIBLE, guest.at("traefik_service"), message).help(
                "a name has letters, digits, `-` and `_`; a scheme is `http`, `https` or \
                     `tcp`, and with `tcp` the port is neither 80 nor 443",
            ));
            continue;
        }
        let label = route.label().map(|label| (Taken::Label(label), "name"));
        let port = route.own_port().map(|port| (Taken::Port(port), "port"));
        for (taken, key) in label.into_iter().chain(port) {
            let Some(first) = firsts.get(&taken) else {
                firsts.insert(taken, guest);
                continue;
            };
            let what = match taken {
                Taken::Label(label) => format!("`{label}`"),
                Taken::Port(port) => format!("port {port} of the gateway"),
            };
            let (called, other) = (guest.called(), first.called());
            let message = format!("the route of {called} takes {what}, as that of {other} does");
            findings.add(
                Finding::new(&TWICE, guest.at("traefik_service").key(key), message)
                    .also(first.at("traefik_service").key(key), "the first one")
                    .help(format!(
                        "give one of the two another {key}: the second is never reached"
                    )),
            );
        }
    }
    gateways(scene, findings);
}

fn gateways(scene: &Scene<'_>, findings: &Findings) {
    let leads = |guest: &Guest| guest.spec.route.is_some() || guest.spec.model_server.is_some();
    let is_offered = |guest: &Guest| leads(guest) && !guest.spec.rests();
    let (mut nowhere, mut inherited) = (Together::default(), Together::default());
    for guest in scene.guests.iter().filter(|guest| !guest.spec.rests()) {
        let own = guest.spec.features.iter().position(is_gateway);
        let others = || scene.guests.iter().filter(|other| other.spec.vmid != guest.spec.vmid);
        if let Some(nth) = own {
            if !others().any(is_offered) {
                nowhere.add(guest, || guest.at("features").index(nth));
            }
        } else if scene.features(guest).any(is_gateway) {
            inherited.add(guest, || guest.at("features"));
        }
    }
    if let Some((place, called)) = nowhere.called() {
        let message = format!("nothing is behind {called}: no other guest has a route");
        findings.add(
            Finding::new(&NOWHERE, place, message)
                .help("give guests a `traefik_service` with a `name` and a `port`"),
        );
    }
    if let Some((place, called)) = inherited.called() {
        let message = format!(
            "{called}: the feature `gateway` comes from a template, and its routes stay as they were"
        );
        findings.add(
            Finding::new(&INHERITED, place, message).help("list `gateway` in the guest itself"),
        );
    }
}
