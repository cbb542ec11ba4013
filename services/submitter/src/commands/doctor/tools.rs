//! The programs that this host needs for what its configuration asks of it.

use phoenix_bus::HostReport;
use phoenix_config::Loaded;
use phoenix_domain::{GuestSpec, Kind};
use phoenix_setup::Host;

use super::report::Report;
use super::site::Site;
use crate::session;

const CHECK: &str = "tools";

/// A program, and the package of Debian that it comes with.
type Tool = (&'static str, &'static str);

pub(super) fn look(loaded: Option<&Loaded>, site: Option<&Site>, host: &Host, report: &mut Report) {
    let Some(loaded) = loaded else {
        return report
            .not_looked_at(CHECK, "without a configuration nobody knows which are needed");
    };
    let kinds: Vec<_> =
        loaded.fleet.iter().flat_map(|fleet| fleet.guests()).map(GuestSpec::kind).collect();
    let fleet = loaded.webhooks.as_ref().and_then(|webhooks| webhooks.fleet.as_ref());
    let needed =
        needed(driver(site, host).as_deref(), &kinds, fleet.map(|fleet| fleet.git.as_str()));
    if needed.is_empty() {
        return report.ok(CHECK, "nothing that is configured needs one here");
    }
    let (there, missing): (Vec<_>, Vec<_>) =
        needed.into_iter().partition(|(program, _)| host.has(program));
    let there: Vec<_> = there.into_iter().map(|tool| with_version(tool, host)).collect();
    if !there.is_empty() {
        report.ok(CHECK, there.join(", "));
    }
    for (program, package) in missing {
        report.wrong(
            CHECK,
            format!("{program} is needed, and not there"),
            format!("apt install {package}"),
        );
    }
}

/// Returns what kind of host this is, as its worker says; else what it looks like.
fn driver(site: Option<&Site>, host: &Host) -> Option<String> {
    let hosts = site.and_then(|site| site.hosts.as_ref().ok());
    let name = session::host();
    let ours = |report: &&HostReport| name.split('.').next() == Some(report.host.as_str());
    let report = hosts.into_iter().flatten().find(ours);
    let said =
        report.and_then(|report| report.inventory.get("driver")?.as_str().map(str::to_owned));
    said.or_else(|| host.exists("/etc/pve").then(|| "proxmox".to_owned()))
}

/// Returns what is needed for such guests, and for a configuration that is fetched from here.
fn needed(driver: Option<&str>, kinds: &[Kind], repository: Option<&str>) -> Vec<Tool> {
    let of_guests: &[(Kind, Tool)] = match driver {
        Some("proxmox") => &[
            (Kind::Container, ("pct", "pve-container")),
            (Kind::Container, ("lxc-attach", "lxc-pve")),
            (Kind::Container, ("pvesm", "libpve-storage-perl")),
            (Kind::Machine, ("qm", "qemu-server")),
            (Kind::Machine, ("pvesm", "libpve-storage-perl")),
            (Kind::Machine, ("pvesh", "pve-manager")),
            (Kind::Machine, ("wget", "wget")),
        ],
        Some("lxc") => &[
            (Kind::Container, ("lxc-start", "lxc")),
            (Kind::Container, ("lxc-stop", "lxc")),
            (Kind::Container, ("lxc-attach", "lxc")),
            (Kind::Container, ("tar", "tar")),
        ],
        // Who works on no guests here needs nothing for them.
        Some(_) | None => &[],
    };
    let of_guests =
        of_guests.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, tool)| *tool);
    let is_by_ssh = |git: &&str| git.starts_with("ssh://") || !git.contains("://");
    let of_fetching = repository
        .map(|_| ("git", "git"))
        .into_iter()
        .chain(repository.filter(is_by_ssh).map(|_| ("ssh", "openssh-client")));
    let mut needed: Vec<_> = of_guests.chain(of_fetching).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Returns a program with the version of its package.
fn with_version((program, package): Tool, host: &Host) -> String {
    match host.asked(&["dpkg-query", "--show", "--showformat=${Version}", package]) {
        Ok(version) if !version.trim().is_empty() => format!("{program} {}", version.trim()),
        // It came by another way, and is there all the same.
        Ok(_) | Err(_) => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_configuration_needs_is_looked_for() {
        let programs = |driver, kinds: &[Kind], git| {
            needed(driver, kinds, git).into_iter().map(|(program, _)| program).collect::<Vec<_>>()
        };
        let both = [Kind::Container, Kind::Machine];

        assert!(programs(Some("simulated"), &both, None).is_empty());
        assert!(programs(None, &both, None).is_empty());
        assert_eq!(
            programs(Some("proxmox"), &[Kind::Container], None),
            ["lxc-attach", "pct", "pvesm"]
        );
        assert!(programs(Some("proxmox"), &both, None).contains(&"qm"));
        assert!(programs(Some("lxc"), &both, None).contains(&"lxc-start"));
        assert_eq!(programs(None, &[], Some("https://git.example.org/fleet.git")), ["git"]);
        assert_eq!(programs(None, &[], Some("ssh://git@example.org/fleet.git")), ["git", "ssh"]);
    }
}
