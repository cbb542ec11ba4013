//! What a real virtual machine is made of, and what reads its seed: Debian's own packages, once a machine.
//!
//! Nothing of it is installed here: this machine may have another QEMU, and Cloud-Init would take it for
//! one to be set up. The packages are unpacked below the target folder, and what needs a system around
//! itself runs in there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process::Program;
use crate::say::say;
use crate::workspace::Workspace;

/// The release it is made of.
const RELEASE: &str = "bookworm";
/// Whose signatures count.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What is asked for; what that needs comes with it.
const PACKAGES: [&str; 8] = [
    "qemu-system-x86",
    "linux-image-cloud-amd64",
    "busybox-static",
    "qemu-guest-agent",
    "genisoimage",
    "cloud-init",
    "netplan.io",
    "util-linux",
];
/// What nobody reads there.
const LEFT_OUT: [&str; 4] =
    ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"];
/// Who is known there.
const USERS: &str =
    "root:x:0:0:root:/root:/bin/sh\nsystemd-network:x:998:998::/:/usr/sbin/nologin\n";
const GROUPS: &str = "root:x:0:\nsystemd-network:x:998:\n";
/// Unpacks archives. A folder that became a link when `/usr` took all in stays one.
const UNPACK: &str = "for deb in \"$1\"/*.deb; do \
     dpkg-deb --fsys-tarfile \"$deb\" | tar -x --keep-directory-symlink -C \"$2\" || exit; done";

/// Returns the folder with all of it, making it when it is not there or of other packages.
pub(crate) fn kit(workspace: &Workspace) -> Result<PathBuf> {
    let kit = workspace.target.join(format!("tools/machine-{RELEASE}"));
    let mark = kit.join("packages");
    if fs::read_to_string(&mark).is_ok_and(|made_of| made_of == PACKAGES.join("\n")) {
        return Ok(kit);
    }
    say(format_args!("{} is not here: unpacking {}", kit.display(), PACKAGES.join(", ")));
    for tool in ["apt-get", "dpkg-deb"] {
        if Program::new(tool).arg("--version").ask().is_none() {
            bail!("there is no {tool} here; real machines are made of Debian's packages");
        }
    }
    if !Path::new(KEYRING).is_file() {
        bail!("{KEYRING} is missing: `apt-get install debian-archive-keyring`");
    }
    let half = kit.with_extension("half");
    for folder in [&kit, &half] {
        Program::new("rm").args(["-rf", "--one-file-system"]).arg(folder).run()?;
    }
    let half = assemble(&half).with_context(|| format!("cannot make {}", kit.display()))?;
    fs::write(half.join("packages"), PACKAGES.join("\n"))
        .and_then(|()| fs::rename(&half, &kit))
        .with_context(|| format!("cannot make {}", kit.display()))?;
    Ok(kit)
}

fn assemble(half: &Path) -> Result<PathBuf> {
    for folder in ["apt/lists/partial", "apt/archives/partial", "root/usr"] {
        fs::create_dir_all(half.join(folder))?;
    }
    let half = fs::canonicalize(half)?;
    let (apt, root) = (half.join("apt"), half.join("root"));
    let source = |place: &str, suite: &str| {
        format!("deb [signed-by={KEYRING}] http://deb.debian.org/{place} {suite} main\n")
    };
    let sources = source("debian", RELEASE)
        + &source("debian", &format!("{RELEASE}-updates"))
        + &source("debian-security", &format!("{RELEASE}-security"));
    fs::write(apt.join("sources.list"), sources)?;
    // To it, nothing is installed: so it brings everything.
    fs::write(apt.join("status"), "")?;
    apt_get(&apt, &["update"])?;
    let words = ["install", "--yes", "--no-install-recommends", "--download-only"];
    apt_get(&apt, &[&words[..], &PACKAGES].concat())?;
    for folder in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(root.join("usr").join(folder))?;
        symlink(Path::new("usr").join(folder), root.join(folder))?;
    }
    for folder in ["dev", "proc", "run", "sys", "tmp"] {
        fs::create_dir(root.join(folder))?;
    }
    Program::new("sh").args(["-c", UNPACK, "sh"]).args([&apt.join("archives"), &root]).run()?;
    // Debian makes that link when a shell is set up, and nothing is set up here.
    symlink("busybox", root.join("usr/bin/sh"))?;
    // Nor are users made, whom Cloud-Init looks for by name.
    fs::write(root.join("etc/passwd"), USERS)?;
    fs::write(root.join("etc/group"), GROUPS)?;
    let left_out = LEFT_OUT.map(|folder| root.join(folder));
    Program::new("rm").args(["-rf", "--one-file-system"]).arg(&apt).args(left_out).run()?;
    Ok(half)
}

/// Runs apt with nothing of this machine but its programs: its packages and its lists stay as they are.
fn apt_get(apt: &Path, words: &[&str]) -> Result<()> {
    let settings = [
        ("Dir::Etc::sourcelist", apt.join("sources.list")),
        ("Dir::Etc::sourceparts", PathBuf::from("-")),
        ("Dir::Etc::preferences", PathBuf::from("-")),
        ("Dir::Etc::preferencesparts", PathBuf::from("-")),
        ("Dir::State", apt.to_owned()),
        ("Dir::State::status", apt.join("status")),
        ("Dir::Cache", apt.to_owned()),
    ];
    let settings = settings.map(|(key, value)| format!("-o{key}={}", value.display()));
    Program::new("env")
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
        .args(settings)
        // The one that fetches would be another user, who may not write here.
        .args(["-oAPT::Sandbox::User=root", "-oAPT::Get::List-Cleanup=0"])
        .args(words)
        .run()
}
