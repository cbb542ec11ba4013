//! Real servers that the probes of the health monitor are tested against, a real browser, and a real Prometheus:
//! Debian's own packages, unpacked.
//!
//! What is installed here already is taken from here; the rest is unpacked below the target folder, so
//! that nothing is started or set up on this machine.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process::Program;
use crate::say::say;
use crate::workspace::Workspace;

/// Those of the tests.
const OF_TESTS: [&str; 3] = ["nginx-light", "postgresql-15", "redis-server"];
/// Those that the monitor is compared with.
const OF_BENCHES: [&str; 2] = ["monit", "prometheus-blackbox-exporter"];

/// What looks at the page of `phoenix serve`.
const BROWSER: [&str; 2] = ["chromium", "chromium-driver"];

/// What reads `/metrics` of `phoenix serve`, and judges and follows the rules.
const PROMETHEUS: [&str; 1] = ["prometheus"];

/// Unpacks archives.
const UNPACK: &str = "for deb in \"$1\"/*.deb; do \
     [ ! -e \"$deb\" ] || dpkg-deb --fsys-tarfile \"$deb\" | \
     tar -x --keep-directory-symlink -C \"$2\" || exit; done";

/// Returns the folder that stands for `/` where servers are not installed, making it when it is not there
/// or of other packages.
pub(crate) fn for_tests(workspace: &Workspace) -> Result<PathBuf> {
    unpacked(workspace, "servers", &OF_TESTS)
}

/// The same for what the monitor is compared with.
pub(crate) fn for_benches(workspace: &Workspace) -> Result<PathBuf> {
    unpacked(workspace, "monitors", &OF_BENCHES)
}

/// The same for the browser that looks at the page.
pub(crate) fn browser(workspace: &Workspace) -> Result<PathBuf> {
    unpacked(workspace, "browser", &BROWSER)
}

/// The same for what reads the metrics.
pub(crate) fn prometheus(workspace: &Workspace) -> Result<PathBuf> {
    unpacked(workspace, "prometheus", &PROMETHEUS)
}

fn unpacked(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let kit = workspace.target.join("tools").join(name);
    let mark = kit.join("packages");
    if fs::read_to_string(&mark).is_ok_and(|made_of| made_of == packages.join("\n")) {
        return Ok(kit);
    }
    say(format_args!("{} is not here: unpacking {}", kit.display(), packages.join(", ")));
    for tool in ["apt-get", "dpkg-deb"] {
        if Program::new(tool).arg("--version").ask().is_none() {
            bail!("there is no {tool} here; real servers are taken from Debian's packages");
        }
    }
    let unmade = || format!("cannot make {}", kit.display());
    let half = kit.with_extension("half");
    for folder in [&kit, &half] {
        Program::new("rm").args(["-rf", "--one-file-system"]).arg(folder).run()?;
    }
    fs::create_dir_all(&half).with_context(unmade)?;
    let half = fs::canonicalize(&half).with_context(unmade)?;
    let apt = half.join("apt");
    for folder in ["apt/lists/partial", "apt/archives/partial"] {
        fs::create_dir_all(half.join(folder)).with_context(unmade)?;
    }
    // Its lists and its archives are its own; what is installed is what this machine has.
    let own = ["State", "Cache"].map(|kind| format!("-oDir::{kind}={}", apt.display()));
    let apt_get = |words: &[&str]| {
        Program::new("env")
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
            .args(&own)
            .args(["-oDir::State::status=/var/lib/dpkg/status", "-oDebug::NoLocking=1"])
            // The one that fetches would be another user, who may not write here.
            .arg("-oAPT::Sandbox::User=root")
            .args(words)
            .run()
    };
    apt_get(&["update"])?;
    let words = ["install", "--yes", "--no-install-recommends", "--download-only"];
    apt_get(&[&words[..], packages].concat())?;
    Program::new("sh").args(["-c", UNPACK, "sh"]).args([&apt.join("archives"), &half]).run()?;
    Program::new("rm").args(["-rf", "--one-file-system"]).arg(&apt).run()?;
    fs::write(half.join("packages"), packages.join("\n"))
        .and_then(|()| fs::rename(&half, &kit))
        .with_context(unmade)?;
    Ok(kit)
}
