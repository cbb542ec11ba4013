//! Debian packages that the host has.

use std::collections::BTreeSet;
use std::time::Duration;

use phoenix_config::HostSpec;

use crate::change::{Act, HostChange, Run};
use crate::host::Host;
use crate::item::{Item, Look, Refusal};

const LISTS: &str = "/var/lib/apt/lists";
/// How long packages may take.
const PATIENCE: Duration = Duration::from_mins(30);

pub(super) struct Packages(BTreeSet<String>);

impl Packages {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        let mut wanted: BTreeSet<_> = spec.packages.iter().cloned().collect();
        let mut add = |is_needed: bool, package: &str| {
            if is_needed {
                wanted.insert(package.to_owned());
            }
        };
        add(!spec.ntp_servers.is_empty(), "chrony");
        add(spec.exports.as_ref().is_some_and(|exports| !exports.is_empty()), "nfs-kernel-server");
        add(spec.samba.is_some(), "samba");
        add(spec.administrator.as_ref().is_some_and(|user| user.sudo), "sudo");
        add(!spec.profiles.is_empty(), "apparmor");
        add(spec.sdn.iter().any(|sdn| !sdn.dhcp.is_empty()), "dnsmasq");
        (!wanted.is_empty()).then_some(Self(wanted))
    }
}

impl Item for Packages {
    fn name(&self) -> &'static str {
        "packages"
    }

    fn about(&self) -> &'static str {
        "Debian packages"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let listed =
            host.asked(&["dpkg-query", "-W", "-f", "${Package}\\t${db:Status-Status}\\n"])?;
        let installed: BTreeSet<_> = listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(_, status)| *status == "installed")
            .map(|(name, _)| name)
            .collect();
        let missing: Vec<_> =
            self.0.iter().filter(|package| !installed.contains(package.as_str())).collect();
        if missing.is_empty() {
            return Ok(Look::default());
        }
        let lock = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
        let run = |words: Vec<&str>| {
            let run = Run::of(["apt-get"].into_iter().chain(lock).chain(words));
            Act::Run(run.within(PATIENCE))
        };
        let mut changes = Vec::new();
        if !host.names(LISTS)?.iter().any(|name| name.contains("_Packages")) {
            changes.push(HostChange::live(
                run(vec!["update"]),
                "it is not known which packages there are",
            ));
        }
        let words = ["install", "-y", "--no-install-recommends", "--"];
        let words = words.into_iter().chain(missing.iter().map(|package| package.as_str()));
        let why =
            format!("{} missing", if missing.len() == 1 { "a package is" } else { "packages are" });
        changes.push(HostChange::live(run(words.collect()), why));
        Ok(Look::of(changes))
    }
}
