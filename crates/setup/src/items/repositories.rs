//! Where the packages of Proxmox come from, for the release that runs.

use phoenix_config::{HostSpec, Repository};

use crate::change::{Act, FileChange, HostChange, Owner, Run};
use crate::host::{Host, Wanted};
use crate::item::{Item, Look, Refusal};
use crate::state::digest;

const OURS: &str = "/etc/apt/sources.list.d/phoenix-proxmox.sources";
const FOLDER: &str = "/etc/apt/sources.list.d";
const KEYRING: &str = "/usr/share/keyrings/proxmox-archive-keyring.gpg";
const ENTERPRISE: &str = "enterprise.proxmox.com";

pub(super) struct Repositories(Repository);

impl Repositories {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.repository.map(Self)
    }
}

impl Item for Repositories {
    fn name(&self) -> &'static str {
        "repositories"
    }

    fn about(&self) -> &'static str {
        "where the packages of Proxmox come from"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let suite = suite(host)?;
        if !host.has("pveversion") {
            return Err(Refusal::new(
                "proxmox_repository",
                "this is no Proxmox node: it has no `pveversion`",
                "install Proxmox VE, or take `proxmox_repository` out of the file",
            ));
        }
        let mut changes = Vec::new();
        let mut is_there = false;
        let component = match self.0 {
            Repository::Enterprise => "pve-enterprise",
            Repository::NoSubscription => "pve-no-subscription",
        };
        for name in host.names(FOLDER)? {
            let path = format!("{FOLDER}/{name}");
            let Some(text) = host.text(&path)?.filter(|_| path != OURS) else { continue };
            let active = active(&name, &text);
            is_there |= active.contains(component);
            if self.0 == Repository::NoSubscription && active.contains(ENTERPRISE) {
                let without = without_enterprise(&name, &text);
                let rights = Some((0o644, Owner::root()));
                let was = Some(text);
                let act = Act::File(FileChange {
                    path,
                    was,
                    text: without,
                    rights,
                    check: None,
                    guard: None,
                });
                let why =
                    "without a subscription this repository refuses, and `apt-get update` with it";
                changes.push(HostChange::live(act, why));
            }
        }
        let text = ours(self.0, &suite, host.exists(KEYRING));
        if !is_there {
            let why = "packages of Proxmox, for the release that runs";
            let wanted = Wanted { path: OURS, text: text.clone(), mode: 0o644, check: &[], why };
            changes.extend(host.want(wanted)?);
        }
        let update = Run::of([
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
            "-o",
            "Acquire::Retries=3",
            "update",
        ]);
        let update = update.within(std::time::Duration::from_mins(10));
        Ok(Look::of(changes).settled_by(digest([text]), vec![update]))
    }
}

/// Returns the release that runs, as Debian calls it.
fn suite(host: &Host) -> Result<String, Refusal> {
    let text = host.text("/etc/os-release")?.unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned()).filter(|name| !name.is_empty()).ok_or_else(
        || {
            let why = "it does not say which release this is: it has no VERSION_CODENAME";
            Refusal::new("/etc/os-release", why, "setup knows Debian 12 (bookworm) and 13 (trixie)")
        },
    )
}

fn ours(repository: Repository, suite: &str, has_keyring: bool) -> String {
    let (uri, component) = match repository {
        Repository::Enterprise => ("https://enterprise.proxmox.com/debian/pve", "pve-enterprise"),
        Repository::NoSubscription => {
            ("http://download.proxmox.com/debian/pve", "pve-no-subscription")
        }
    };
    let signed = if has_keyring { format!("Signed-By: {KEYRING}\n") } else { String::new() };
    format!(
        "# Written by phoenix setup.\nTypes: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {component}\n{signed}"
    )
}

fn kind(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// Returns what of a file of sources counts.
fn active(name: &str, text: &str) -> String {
    let lines = |text: &str| {
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n")
    };
    if kind(name) == "list" {
        lines(text)
    } else if kind(name) == "sources" {
        let is_on = |part: &&str| {
            !lines(part)
                .lines()
                .any(|line| line.replace(' ', "").eq_ignore_ascii_case("enabled:no"))
        };
        text.split("\n\n").filter(is_on).map(lines).collect::<Vec<_>>().join("\n\n")
    } else {
        // apt does not read it.
        String::new()
    }
}

/// Returns a file of sources without those for who pays; nothing of it is lost.
fn without_enterprise(name: &str, text: &str) -> String {
    if kind(name) == "list" {
        let lines = text.lines().map(|line| {
            let is_it = line.contains(ENTERPRISE) && !line.trim_start().starts_with('#');
            if is_it { format!("# {line}\n") } else { format!("{line}\n") }
        });
        return lines.collect();
    }
    let parts = text.split("\n\n").map(|part| {
        if !part.contains(ENTERPRISE) {
            return part.to_owned();
        }
        let lines = part.trim_end().lines();
        let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with("enabled:"));
        lines.chain(["Enabled: no"]).collect::<Vec<_>>().join("\n")
    });
    let text = parts.collect::<Vec<_>>().join("\n\n");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_who_pays_is_switched_off_and_nothing_else() {
        let list = "deb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\ndeb http://x y z\n";
        let off = without_enterprise("pve.list", list);
        assert_eq!(off, format!("# {list}"));
        assert!(!active("pve.list", &off).contains(ENTERPRISE));

        let sources = "Types: deb\nURIs: https://enterprise.proxmox.com/debian/pve\nSuites: trixie\n\nTypes: deb\nURIs: http://x\n";
        let off = without_enterprise("pve.sources", sources);
        assert_eq!(off.matches("Enabled: no").count(), 1);
        assert!(!active("pve.sources", &off).contains(ENTERPRISE));
        assert!(active("pve.sources", &off).contains("http://x"));
        assert_eq!(without_enterprise("pve.sources", &off), off);
    }
}
