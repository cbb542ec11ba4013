//! Every package of the host in its newest version, only when that is asked for.
//!
//! The packages themselves write the initramfs anew and refresh the boot loader: a kernel is
//! installed no other way.

use std::time::Duration;

use phoenix_config::HostSpec;

use crate::change::{Act, HostChange, Impact, Run};
use crate::host::Host;
use crate::item::{Item, Look, Refusal};

/// How long it may take.
const PATIENCE: Duration = Duration::from_hours(1);
/// What counts only after a reboot.
const BOOTED: &[&str] = &[
    "proxmox-kernel-",
    "proxmox-default-kernel",
    "pve-kernel-",
    "linux-image-",
    "pve-firmware",
    "firmware-",
    "intel-microcode",
    "amd64-microcode",
    "nvidia-",
    "zfs-dkms",
];
/// What Proxmox calls the kernel that is to be started, where somebody has chosen one.
const PIN: &str = "/etc/kernel/proxmox-boot-pin";
/// Drivers that say which version of them runs.
const DRIVERS: [&str; 2] = ["nvidia", "zfs"];

pub(super) struct Upgrade;

impl Upgrade {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.upgrade.then_some(Self)
    }
}

impl Item for Upgrade {
    fn name(&self) -> &'static str {
        "upgrade"
    }

    fn about(&self) -> &'static str {
        "newer versions of the host's packages"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["repositories"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let steps = steps(&host.asked(&["apt-get", "--simulate", "dist-upgrade"])?);
        if steps.iter().any(|step| step.kind == Kind::Removed && step.package == "proxmox-ve") {
            return Err(Refusal::new(
                "apt-get dist-upgrade",
                "it would remove Proxmox itself: `proxmox-ve`",
                "the repositories do not fit together: see `apt-get --simulate dist-upgrade`",
            ));
        }
        let mut look = Look { reboot: waits(host)?, ..Look::default() };
        if steps.is_empty() {
            return Ok(look);
        }
        if steps.iter().any(Step::is_booted) {
            let remark =
                "a kernel, a driver or firmware is among them: setup waits for a reboot then";
            look.remarks.push(remark.to_owned());
        }
        let words = [
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
            "-o",
            "Acquire::Retries=3",
            // Files that somebody changed stay as they are.
            "-o",
            "Dpkg::Options::=--force-confdef",
            "-o",
            "Dpkg::Options::=--force-confold",
            "dist-upgrade",
            "-y",
        ];
        let why = match steps.len() {
            1 => "apt knows a newer package".to_owned(),
            more => format!("apt knows {more} newer packages"),
        };
        let change = HostChange::live(Act::Run(Run::of(words).within(PATIENCE)), why);
        let detail = steps.iter().map(Step::text).collect();
        look.changes.push(change.at_cost(Impact::Restarts).in_detail(detail));
        Ok(look)
    }
}

/// What becomes of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Installed,
    Removed,
}

/// One package that would be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    kind: Kind,
    package: String,
    was: Option<String>,
    is: Option<String>,
}

impl Step {
    fn is_booted(&self) -> bool {
        BOOTED.iter().any(|prefix| self.package.starts_with(prefix))
    }

    fn text(&self) -> String {
        let package = &self.package;
        match (self.kind, &self.was, &self.is) {
            (Kind::Removed, _, _) => format!("{package} is removed"),
            (Kind::Installed, Some(was), Some(is)) => format!("{package} {was} -> {is}"),
            (Kind::Installed, _, Some(is)) => format!("{package} {is} is new"),
            (Kind::Installed, _, None) => package.clone(),
        }
    }
}

/// Reads what apt would do.
fn steps(simulated: &str) -> Vec<Step> {
    let step = |line: &str| {
        let (kind, rest) = match line.split_once(' ')? {
            ("Inst", rest) => (Kind::Installed, rest),
            ("Remv" | "Purg", rest) => (Kind::Removed, rest),
            _ => return None,
        };
        let (package, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let within = |from: char, to: &[char]| {
            let inner = rest.strip_prefix(from)?;
            Some(inner.split(to).next()?.to_owned())
        };
        let was = within('[', &[']']);
        let rest = rest.split_once('(').map(|(_, rest)| rest);
        let is = rest.and_then(|rest| rest.split([' ', ')']).next()).map(str::to_owned);
        Some(Step { kind, package: package.to_owned(), was, is })
    };
    simulated.lines().filter_map(step).collect()
}

/// Returns why the host has to be started anew, if it has to be.
fn waits(host: &Host) -> Result<Option<String>, Refusal> {
    let running = host.asked(&["uname", "-r"])?;
    let running = running.trim();
    let pinned = host.line(PIN)?.filter(|pinned| !pinned.is_empty());
    let installed = match pinned {
        Some(pinned) => Some(pinned),
        None => newest(&host.names("/boot")?),
    };
    if let Some(installed) = installed.filter(|installed| installed != running) {
        return Ok(Some(format!("the kernel {running} runs, and {installed} is installed")));
    }
    for driver in DRIVERS {
        let Some(loaded) = host.line(&format!("/sys/module/{driver}/version"))? else { continue };
        let answer = host.ask(&["modinfo", "--field", "version", driver])?;
        let installed = answer.out.trim();
        if answer.is_good() && !installed.is_empty() && installed != loaded {
            return Ok(Some(format!(
                "the kernel runs the driver {driver} {loaded}, and {installed} is installed"
            )));
        }
    }
    Ok(None)
}

/// Returns the newest kernel of a folder; those of Proxmox are started before those of Debian.
fn newest(names: &[String]) -> Option<String> {
    let kernels: Vec<_> = names.iter().filter_map(|name| name.strip_prefix("vmlinuz-")).collect();
    let has_own = kernels.iter().any(|kernel| kernel.ends_with("-pve"));
    let kernels = kernels.into_iter().filter(|kernel| !has_own || kernel.ends_with("-pve"));
    kernels.max_by_key(|kernel| numbers(kernel)).map(str::to_owned)
}

/// Returns the numbers of a version, by which kernels follow each other.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_do_is_read() {
        let said = "Reading package lists...\nRemv old [1.0]\nInst libc6 [2.36-9] (2.36-10 Debian:12.9/stable [amd64]) []\nInst proxmox-kernel-6.8.12-10-pve-signed (6.8.12-10 Proxmox:12.x [amd64])\nConf libc6 (2.36-10 Debian:12.9/stable [amd64])\n";

        let steps = steps(said);

        let texts: Vec<_> = steps.iter().map(Step::text).collect();
        assert_eq!(
            texts,
            [
                "old is removed",
                "libc6 2.36-9 -> 2.36-10",
                "proxmox-kernel-6.8.12-10-pve-signed 6.8.12-10 is new"
            ]
        );
        assert_eq!(steps.iter().map(Step::is_booted).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn the_newest_kernel_is_not_the_last_of_the_alphabet() {
        let names = [
            "config-6.8.12-9-pve",
            "vmlinuz-6.8.12-9-pve",
            "vmlinuz-6.8.12-10-pve",
            "vmlinuz-6.12.1-amd64",
        ]
        .map(str::to_owned);

        assert_eq!(newest(&names).as_deref(), Some("6.8.12-10-pve"));
        assert_eq!(newest(&names[3..]).as_deref(), Some("6.12.1-amd64"));
        assert_eq!(newest(&names[..1]), None);
    }
}
