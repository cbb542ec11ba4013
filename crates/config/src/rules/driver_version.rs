//! The NVIDIA driver in a container must be the one of the host's kernel.

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Place};
use crate::scene::Scene;

static CODE: Code = code!("0408", Error, "two versions of the NVIDIA driver are named");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let host = scene.hypervisor.nvidia_driver.as_ref();
    let on_host = host.and_then(|driver| driver.version.as_deref()).filter(|text| !text.is_empty());
    let inside = scene.lxc_head.nvidia_driver_version.as_deref().filter(|text| !text.is_empty());
    let host_at = Place::of_host("nvidia_driver").key("version");
    let lxc_at = |key: &'static str| Place::file(File::Lxc).key(key);

    if let (Some(on_host), Some(inside)) = (on_host, inside)
        && on_host != inside
    {
        let message =
            format!("containers get the NVIDIA driver `{inside}` and the host has `{on_host}`");
        findings.add(
            Finding::new(&CODE, lxc_at("nvidia_driver_version"), message)
                .also(host_at.clone(), "the driver of the host")
                .help("give both the same version: a container uses the kernel module of the host"),
        );
    }
    let runfiles = [
        (
            Place::of_host("nvidia_driver").key("runfile_url"),
            host.and_then(|driver| driver.runfile_url.as_deref()),
            on_host,
            host_at,
        ),
        (
            lxc_at("nvidia_runfile_url"),
            scene.lxc_head.nvidia_runfile_url.as_deref(),
            inside,
            lxc_at("nvidia_driver_version"),
        ),
    ];
    for (place, url, version, version_at) in runfiles {
        let (Some(url), Some(version)) = (url, version) else { continue };
        let mut others: Vec<_> = versions(url).filter(|found| *found != version).collect();
        others.dedup();
        if others.is_empty() {
            continue;
        }
        let message = format!(
            "the NVIDIA installer is of version {}, but `{version}` is asked for",
            listed(others.iter().map(|other| format!("`{other}`")))
        );
        findings.add(
            Finding::new(&CODE, place, message)
                .also(version_at, "the version")
                .help("change the address or the version, in the host's file and the containers'"),
        );
    }
}

/// Returns the driver versions in the address of an installer: `580.76.05`.
fn versions(url: &str) -> impl Iterator<Item = &str> {
    url.split(['/', '-'])
        .map(|part| part.strip_suffix(".run").unwrap_or(part))
        .filter(|part| is_version(part))
}

/// Tells `580.76.05` and `550.90` from addresses and other numbers with dots.
fn is_version(text: &str) -> bool {
    let numbers = text.split('.');
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (2..=3).contains(&numbers.clone().count())
        && numbers.clone().next().is_some_and(|branch| branch.len() == 3)
        && numbers.clone().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_the_path_and_in_the_file_name() {
        let found = |url| versions(url).collect::<Vec<_>>();
        let url = "http://192.168.0.1/Linux-x86_64/580.76.05/NVIDIA-Linux-x86_64-580.95.05.run";
        assert_eq!(found(url), ["580.76.05", "580.95.05"]);
        assert_eq!(found("https://example.org/NVIDIA-latest.run"), [""; 0]);
    }
}
