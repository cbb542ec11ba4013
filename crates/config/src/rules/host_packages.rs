//! The host gets its packages from a place that there is.

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host_spec::repository;
use crate::place::Place;
use crate::scene::Scene;

static CODE: Code = code!("0912", Error, "the host cannot get its packages as it is written");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

const REPOSITORIES: [&str; 2] = ["no-subscription", "enterprise"];

fn check(scene: &Scene<'_>, findings: &Findings) {
    if let Some(written) = scene.hypervisor.proxmox_repository.as_deref()
        && repository(written).is_none()
    {
        let message = format!("there is no repository `{written}` of Proxmox for production");
        let finding = Finding::new(&CODE, Place::of_host("proxmox_repository"), message);
        findings.add(match did_you_mean(written, REPOSITORIES) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("write `no-subscription`, or `enterprise` if you have a key"),
        });
    }
    for package in scene.hypervisor.packages.iter().flat_map(|packages| &packages.0) {
        if !is_package(package) {
            let message = format!("`{package}` is no name of a Debian package");
            findings.add(
                Finding::new(&CODE, Place::of_host("packages"), message)
                    .help("a name has small letters, digits, `+`, `-` and `.`: `smartmontools`"),
            );
        }
    }
}

/// Says whether Debian takes a name for a package. What begins with a `-` would be an option of
/// `apt-get`.
fn is_package(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() >= 2
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().all(|byte| is_plain(byte) || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_no_package() {
        for good in ["g++", "libc6", "s-tui", "proxmox-headers-6.8"] {
            assert!(is_package(good), "{good}");
        }
        for bad in ["--allow-downgrades", "x", "Samba", "a b", "nfs-kernel-server="] {
            assert!(!is_package(bad), "{bad}");
        }
    }
}
