//! The ports a guest declares must agree with each other and with its model server.

use std::collections::HashMap;

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static DISAGREE: Code = code!("0703", Error, "ports of a model server disagree");
static TWICE: Code = code!("0704", Error, "a port is taken twice in one guest");

pub(super) const RULE: Rule = Rule { codes: &[&DISAGREE, &TWICE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut taken = HashMap::new();
    for guest in scene.guests {
        model_server(scene, guest, findings);
        if guest.spec.ports.len() < 2 {
            continue;
        }
        taken.clear();
        for (nth, port) in guest.spec.ports.iter().enumerate() {
            let Some(first) = taken.insert(port.outside, (nth, port.inside)) else { continue };
            let message = if first.1 == port.inside {
                format!("{} maps port {} to {} twice", guest.called(), port.outside, port.inside)
            } else {
                format!(
                    "{} maps port {} to {} and to {}",
                    guest.called(),
                    port.outside,
                    first.1,
                    port.inside
                )
            };
            findings.add(
                Finding::new(&TWICE, guest.at("ports").index(nth), message)
                    .also(guest.at("ports").index(first.0), "the first time")
                    .help("one port outside leads to one port inside: remove one of the two, or give it another port outside"),
            );
        }
    }
}

fn model_server(scene: &Scene<'_>, guest: &Guest, findings: &Findings) {
    let Some(server) = &guest.spec.model_server else { return };
    let argument = server.argument("--port").and_then(|port| port.parse::<u16>().ok());
    if let (Some(argument), Some(key)) = (argument, server.port)
        && argument != key
    {
        let message = format!(
            "the model server of {} listens on {argument} by its arguments and on {key} by `vllm_port`",
            guest.called()
        );
        findings.add(
            Finding::new(&DISAGREE, argument_at(scene, guest), message)
                .also(guest.at("vllm_port"), "this says another port")
                .help("remove `--port` from `vllm_args`: `vllm_port` says it"),
        );
        return;
    }
    let Some(port) = argument.or(server.port) else { return };
    let ports = &guest.spec.ports;
    if ports.is_empty() || ports.iter().any(|mapping| mapping.inside == port) {
        return;
    }
    let place = match argument {
        Some(_) => argument_at(scene, guest),
        None => guest.at("vllm_port"),
    };
    let declared = listed(ports.iter().map(|mapping| mapping.inside));
    let message = format!(
        "the model server of {} listens on {port}, but its `ports` lead to {declared}",
        guest.called()
    );
    findings.add(
        Finding::new(&DISAGREE, place, message)
            .also(guest.at("ports"), "none of these leads to it")
            .help(format!(
                "let one of `ports` lead to it (`{port}:{port}`), or change the port of the server"
            )),
    );
}

fn argument_at(scene: &Scene<'_>, guest: &Guest) -> Place {
    scene.sources.element(guest.at("vllm_args"), |argument| argument.starts_with("--port"))
}
