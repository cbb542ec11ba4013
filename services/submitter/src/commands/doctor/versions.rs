//! Whether all programs are of one version.

use phoenix_domain::NodeName;

use super::nats::said;
use super::report::Report;
use super::site::Site;
use crate::words;

const CHECK: &str = "versions";
const OURS: &str = env!("CARGO_PKG_VERSION");

/// Names every program that is of another version than this one.
pub(super) fn look(site: Option<&Site>, report: &mut Report) {
    let Some(site) = site else {
        return report.ok(CHECK, format!("this program is {OURS}"));
    };
    let mut same = vec![format!("this program is {OURS}")];
    match &site.hosts {
        Ok(hosts) => {
            let (like_us, others): (Vec<_>, Vec<_>) =
                hosts.iter().partition(|host| host.version == OURS);
            if !like_us.is_empty() {
                same.push(words::count(like_us.len(), "worker is as well", "workers are as well"));
            }
            for host in others {
                let name = format!("the worker of {}", host.host);
                let node = Some(host.host.clone());
                let program = Program { name, package: "phoenix-worker", node };
                otherwise(&program, &host.version, report);
            }
        }
        Err(err) => report.not_looked_at(CHECK, format!("workers: {}", said(err))),
    }
    let monitor = site.outlook.as_ref().ok().and_then(|outlook| outlook.version.as_deref());
    match monitor {
        Some(OURS) => same.push("so is the health monitor".to_owned()),
        Some(version) => {
            let name = "the health monitor".to_owned();
            let program = Program { name, package: "phoenix-health-monitor", node: None };
            otherwise(&program, version, report);
        }
        None => {}
    }
    report.ok(CHECK, same.join(", "));
}

/// A program that is of another version.
struct Program {
    name: String,
    package: &'static str,
    /// The node it is on, where that is known.
    node: Option<NodeName>,
}

/// Says that a program is of another version, and which of the two is to be upgraded.
fn otherwise(program: &Program, version: &str, report: &mut Report) {
    let upgrade = "apt install --only-upgrade";
    let remedy = match &program.node {
        _ if numbers(version) > numbers(OURS) => format!("{upgrade} phoenix"),
        Some(node) => format!("ssh {node} {upgrade} {}", program.package),
        None => format!("{upgrade} {}", program.package),
    };
    let (name, version) = (&program.name, words::line(version));
    report.warning(CHECK, format!("{name} is {version}, and this program is {OURS}"), remedy);
}

/// Returns a version as numbers, to be compared.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("0.9.0") < numbers("0.10.0"));
        assert!(numbers("1.0.0") > numbers("0.10.0"));
    }
}
