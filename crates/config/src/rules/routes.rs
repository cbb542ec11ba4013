//! Gateways and health checks talk to ports that the guest says it has.

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static ROUTE: Code = code!("0708", Warning, "a route leads to a port that is not declared");
static PROBE: Code = code!("0709", Warning, "a health check talks to a port that is not declared");

pub(super) const RULE: Rule = Rule { codes: &[&ROUTE, &PROBE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        if guest.spec.ports.is_empty() {
            continue;
        }
        if let Some(route) = &guest.spec.route
            && !declares(guest, route.port)
        {
            let message = format!(
                "the route `{}` leads to port {} of {}, which declares {}",
                route.name,
                route.port,
                guest.called(),
                declared(guest)
            );
            findings.add(
                Finding::new(&ROUTE, guest.at("traefik_service").key("port"), message)
                    .also(guest.at("ports"), "the declared ports")
                    .help("correct the port of the route, or add it to `ports`"),
            );
        }
        for check in &guest.spec.checks {
            for port in local_ports(&check.command).filter(|port| !declares(guest, *port)) {
                let message = format!(
                    "a health check of {} talks to its port {port}, but it declares {}",
                    guest.called(),
                    declared(guest)
                );
                findings.add(
                    Finding::new(&PROBE, guest.at("health_check").key("command"), message)
                        .also(guest.at("ports"), "the declared ports")
                        .help("correct the port in the command, or add it to `ports`"),
                );
            }
        }
    }
}

fn declares(guest: &Guest, port: u16) -> bool {
    guest.spec.ports.iter().any(|mapping| mapping.inside == port || mapping.outside == port)
}

fn declared(guest: &Guest) -> String {
    listed(guest.spec.ports.iter().map(|mapping| mapping.inside))
}

/// Returns the ports of this very machine that a command names: `http://localhost:8000/health`.
fn local_ports(command: &str) -> impl Iterator<Item = u16> + '_ {
    ["localhost:", "127.0.0.1:", "[::1]:"].into_iter().flat_map(move |host| {
        command.match_indices(host).filter_map(move |(at, _)| {
            let rest = command.get(at + host.len()..)?;
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            rest.get(..digits)?.parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_this_machine_are_read_out_of_a_command() {
        let ports = |command| local_ports(command).collect::<Vec<_>>();
        assert_eq!(ports("curl -f http://localhost:8000/health"), [8000]);
        assert_eq!(ports("curl http://127.0.0.1:80 && curl localhost:81"), [81, 80]);
        assert_eq!(ports("curl http://10.0.0.1:8000/ http://localhost/"), [0; 0]);
    }
}
