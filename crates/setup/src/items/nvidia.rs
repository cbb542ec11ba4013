//! The driver of NVIDIA, of one version.

use std::time::Duration;

use phoenix_config::{HostSpec, NvidiaDriver};

use super::plain;
use crate::change::{Act, HostChange, Impact, Run};
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};

const NOUVEAU: &str = "/etc/modprobe.d/phoenix-nouveau.conf";
const MODPROBE: &str = "/etc/modprobe.d";
const CACHE: &str = "/var/cache/phoenix";

pub(super) struct Nvidia(NvidiaDriver);

impl Nvidia {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.nvidia.clone().map(Self)
    }
}

impl Item for Nvidia {
    fn name(&self) -> &'static str {
        "nvidia"
    }

    fn about(&self) -> &'static str {
        "the driver of NVIDIA"
    }

    fn needs(&self) -> &'static [&'static str] {
        // Built for a kernel that a reboot takes away, it would be built twice.
        &["repositories", "upgrade", "packages"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let NvidiaDriver { version, url } = &self.0;
        if !has_card(host)? {
            let remarks = vec!["the host has no card of NVIDIA: there is nothing to do".to_owned()];
            return Ok(Look { remarks, ..Look::default() });
        }
        plain("nvidia_driver.version", version)?;
        plain("nvidia_driver.runfile_url", url)?;
        is_not_hidden(host)?;
        let loaded = host.line("/sys/module/nvidia/version")?;
        let installed = installed(host)?;
        let mut changes = Vec::new();
        let text = "# Written by phoenix setup.\nblacklist nouveau\noptions nouveau modeset=0\n"
            .to_owned();
        let why = "two drivers cannot have one card";
        changes.extend(host.want(Wanted { path: NOUVEAU, text, mode: 0o644, check: &[], why })?);
        if installed.as_deref() != Some(version) {
            changes.extend(self.install(host, installed.as_deref())?);
        }
        let mut look = Look::of(changes);
        look.reboot = match loaded.as_deref() {
            _ if installed.as_deref() != Some(version) => None,
            Some(loaded) if loaded == version => None,
            Some(loaded) => {
                Some(format!("the kernel runs the driver {loaded}, and {version} is installed"))
            }
            None if host.exists("/sys/module/nouveau") => {
                Some("the kernel runs nouveau in its place".to_owned())
            }
            None => Some(format!("the driver {version} is installed, and not loaded")),
        };
        Ok(look)
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        if has_card(host) == Ok(false) {
            return Vec::new();
        }
        let asked =
            host.asked(&["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]);
        let wrong = asked.map(|answer| {
            let other = answer.lines().map(str::trim).find(|found| *found != self.0.version);
            match (answer.trim().is_empty(), other) {
                (true, _) => Some("it sees no card".to_owned()),
                (false, Some(other)) => Some(format!("it is {other}")),
                (false, None) => None,
            }
        });
        vec![Check::of(format!("the driver {} answers", self.0.version), wrong)]
    }
}

impl Nvidia {
    fn install(&self, host: &Host, installed: Option<&str>) -> Result<Vec<HostChange>, Refusal> {
        let NvidiaDriver { version, url } = &self.0;
        let kernel = host.asked(&["uname", "-r"])?;
        let kernel = kernel.trim();
        let mut changes = Vec::new();
        if !host.exists(&format!("/lib/modules/{kernel}/build")) {
            let headers = if kernel.ends_with("-pve") {
                format!("proxmox-headers-{kernel}")
            } else {
                format!("linux-headers-{kernel}")
            };
            let words = [
                "apt-get",
                "-o",
                "DPkg::Lock::Timeout=300",
                "install",
                "-y",
                "--",
                "build-essential",
                &headers,
            ];
            let run = Run::of(words).within(Duration::from_mins(30));
            changes.push(HostChange::live(
                Act::Run(run),
                "the driver is built for the kernel that runs",
            ));
        }
        let name = format!("NVIDIA-Linux-x86_64-{version}.run");
        let (half, file) = (format!("{CACHE}/{name}.half"), format!("{CACHE}/{name}"));
        if !host.exists(&file) {
            let script = "mkdir -p \"$4\" && curl --fail --silent --show-error --location --retry 3 --output \"$1\" -- \"$3\" && sh \"$1\" --check && mv -- \"$1\" \"$2\"";
            let words = ["sh", "-c", script, "fetch", &half, &file, url, CACHE];
            let run = Run::of(words).within(Duration::from_mins(30));
            changes.push(HostChange::live(
                Act::Run(run),
                "the installer is not there; it checks its own sum",
            ));
        }
        let words = [
            "sh",
            &file,
            "--silent",
            "--no-x-check",
            "--no-nouveau-check",
            "--no-opengl-files",
            "--disable-nouveau",
        ];
        let run = Run::of(words).within(Duration::from_mins(30));
        let why = installed.map_or_else(
            || "no driver is installed".to_owned(),
            |installed| format!("the driver {installed} is installed"),
        );
        changes.push(HostChange::live(Act::Run(run), why).at_cost(Impact::Reboot));
        Ok(changes)
    }
}

fn has_card(host: &Host) -> Result<bool, Refusal> {
    const DEVICES: &str = "/sys/bus/pci/devices";
    for device in host.names(DEVICES)? {
        let of = |what: &str| host.line(&format!("{DEVICES}/{device}/{what}"));
        // A display controller of theirs; they make bridges and sound as well.
        if of("vendor")?.as_deref() == Some("0x10de")
            && of("class")?.is_some_and(|class| class.starts_with("0x03"))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses where somebody keeps the driver from the kernel: it would be installed for nothing.
fn is_not_hidden(host: &Host) -> Result<(), Refusal> {
    for name in host.names(MODPROBE)? {
        let path = format!("{MODPROBE}/{name}");
        let text = host.text(&path)?.unwrap_or_default();
        let hides = |line: &&str| {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["blacklist", module, ..] => *module == "nvidia",
                ["install", "nvidia", what, ..] => {
                    what.ends_with("/false") || what.ends_with("/true")
                }
                _ => false,
            }
        };
        if let Some(line) = text.lines().find(hides) {
            let why = format!("`{}` hides the driver from the kernel", line.trim());
            let advice = "remove that line, or set `nvidia_driver.install` to false: a card is either the host's or a machine's";
            return Err(Refusal::new(path, why, advice));
        }
    }
    Ok(())
}

/// Returns the version that is installed for the kernel that runs.
fn installed(host: &Host) -> Result<Option<String>, Refusal> {
    let answer = host.ask(&["modinfo", "--field", "version", "nvidia"])?;
    Ok(answer.is_good().then(|| answer.out.trim().to_owned()).filter(|version| !version.is_empty()))
}
