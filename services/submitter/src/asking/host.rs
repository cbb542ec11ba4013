//! On which host a guest is to live, and whether anybody is there to work on it.

use chrono::{DateTime, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::{GuestKey, NodeName};

use crate::error::CommandError;
use crate::nodes;
use crate::words;

/// What is said about hosts beside the guest's own configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// On the command line.
    pub(crate) typed: Option<NodeName>,
    /// In the inventory.
    pub(crate) inventory: Option<NodeName>,
    /// By the workers.
    pub(crate) reported: Vec<NodeName>,
}

/// Returns the host of a guest whose configuration may name one.
pub(crate) fn host_of(
    guest: GuestKey,
    configured: Option<&NodeName>,
    hosts: &Hosts,
) -> Result<NodeName, CommandError> {
    let said = configured.or(hosts.typed.as_ref()).or(hosts.inventory.as_ref());
    match (said, hosts.reported.as_slice()) {
        (Some(host), _) | (None, [host]) => Ok(host.clone()),
        (None, reported) => Err(CommandError::NoHost { guest, hosts: reported.to_vec() }),
    }
}

/// A host where nobody takes work now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silent {
    /// Why, and since when.
    pub(crate) why: String,
    /// What to do, where it is known: it is meant so.
    remedy: Option<String>,
}

impl Silent {
    /// Returns what to do; where that is not known, it is looked there.
    pub(crate) fn hint<'s>(&'s self, look: &'s str) -> &'s str {
        self.remedy.as_deref().unwrap_or(look)
    }
}

/// Says for which hosts nobody would take work now, and since when.
pub(crate) fn silent_hosts<'h>(
    needed: impl IntoIterator<Item = &'h NodeName>,
    reports: &[HostReport],
    now: DateTime<Utc>,
) -> Vec<Silent> {
    let silent = |why| Silent { why, remedy: None };
    let mut needed: Vec<_> = needed.into_iter().collect();
    needed.sort();
    needed.dedup();
    needed
        .into_iter()
        .filter_map(|host| {
            let of_host = reports.iter().filter(|report| report.host == *host);
            let Some(last) = of_host.max_by_key(|report| (report.is_alive(now), report.heard))
            else {
                return Some(silent(format!("no worker has been seen for host {host}")));
            };
            if let Some(drain) = &last.drained {
                return Some(Silent {
                    why: format!("host {host} is {}", nodes::drained(drain)),
                    remedy: Some(format!("`phoenix drain {host} --end` has its guests worked on")),
                });
            }
            let since = words::time(last.heard);
            match (last.is_alive(now), last.is_leaving) {
                (true, _) => None,
                (false, true) => {
                    Some(silent(format!("the worker of host {host} was stopped at {since}")))
                }
                (false, false) => {
                    Some(silent(format!("no worker has been heard for host {host} since {since}")))
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use phoenix_bus::Drain;

    use super::*;

    fn node(name: &str) -> NodeName {
        name.parse().unwrap()
    }

    fn host(configured: Option<&str>, hosts: &Hosts) -> Result<String, CommandError> {
        let configured = configured.map(node);
        host_of("lxc-950".parse().unwrap(), configured.as_ref(), hosts).map(|host| host.to_string())
    }

    #[test]
    fn who_is_nearest_to_the_guest_says_where_it_lives() {
        let mut hosts = Hosts {
            typed: Some(node("typed")),
            inventory: Some(node("inventory")),
            reported: vec![node("only")],
        };
        assert_eq!(host(Some("own"), &hosts).unwrap(), "own");
        assert_eq!(host(None, &hosts).unwrap(), "typed");
        hosts.typed = None;
        assert_eq!(host(None, &hosts).unwrap(), "inventory");
        hosts.inventory = None;
        assert_eq!(host(None, &hosts).unwrap(), "only");
    }

    #[test]
    fn where_nobody_says_it_the_remedy_is_named() {
        let err = host(None, &Hosts::default()).unwrap_err();
        assert!(err.hints().join(" ").contains("--host NAME"));

        let several = Hosts { reported: vec![node("pve1"), node("pve2")], ..Hosts::default() };
        let err = host(None, &several).unwrap_err();
        assert!(err.to_string().ends_with("and there are several"), "{err}");
        assert!(err.hints().join(" ").contains("`--host pve1` or `--host pve2`"));
    }

    #[test]
    fn a_host_is_silent_when_its_worker_is_gone_left_or_never_was() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let report = |host: &str, ago: i64, is_leaving| HostReport {
            host: node(host),
            instance: "i".to_owned(),
            version: "0".to_owned(),
            started: now - TimeDelta::hours(1),
            heard: now - TimeDelta::seconds(ago),
            is_leaving,
            busy: 0,
            inventory: serde_json::Value::Null,
            facts: phoenix_domain::health::Facts::default(),
            drained: None,
            waits: std::collections::BTreeMap::new(),
        };
        let drain = Drain { by: "ann".to_owned(), why: Some("new memory".to_owned()), since: now };
        let drained = HostReport { drained: Some(drain), ..report("off", 3, false) };
        let reports = [
            report("alive", 3, false),
            report("gone", 600, false),
            report("left", 3, true),
            drained,
        ];
        let needed = ["never", "left", "gone", "alive", "never", "off"].map(node);

        let silent = silent_hosts(&needed, &reports, now);

        let silent: Vec<_> =
            silent.iter().map(|one| format!("{}; {}", one.why, one.hint("look there"))).collect();
        insta::assert_snapshot!(silent.join("\n"), @r"
        no worker has been heard for host gone since 2027-01-15T07:50:00Z; look there
        the worker of host left was stopped at 2027-01-15T07:59:57Z; look there
        no worker has been seen for host never; look there
        host off is drained since 2027-01-15T08:00:00Z by ann: new memory; `phoenix drain off --end` has its guests worked on
        ");
    }
}
