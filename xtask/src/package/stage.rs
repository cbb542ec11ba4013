//! All that is in packages and is built or made, laid out as cargo-deb looks for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::DEBS;
use super::build::{Origin, PROGRAMS};
use crate::docs;
use crate::process::Program;
use crate::tools;
use crate::workspace::{self, Profile, Workspace};

/// The release of the packages of one version.
const REVISION: &str = "1";
/// Who answers for them.
const MAINTAINER: &str = env!("CARGO_PKG_AUTHORS");
/// How texts are packed: with neither the name nor the time of the file in what comes of it.
const GZIP: [&str; 2] = ["--best", "--no-name"];
/// Whose bills of materials are in packages: the crate's folder, its program, and the package.
const BILLS: [(&str, &str, &str); 3] = [
    ("cli", "phoenix", "phoenix"),
    ("services/worker", "phoenix-worker", "phoenix-worker"),
    ("services/health-monitor", "phoenix-health-monitor", "phoenix-health-monitor"),
];

/// What cargo-deb takes for the folder of what was built.
pub(super) struct Stage {
    pub(super) target: PathBuf,
}

impl Stage {
    /// Lays it out anew, of programs that were built.
    pub(super) fn set(
        workspace: &Workspace,
        origin: &Origin,
        programs: &Path,
        target: &Path,
    ) -> Result<Self> {
        renew(target)?;
        let built = target.join(Profile::Dist.folder());
        let made = built.join("package");
        fs::create_dir_all(&made).with_context(|| format!("cannot create {}", made.display()))?;
        for program in PROGRAMS {
            // Not by cargo-deb: it would take the scripts of features for programs as well.
            Program::new("strip")
                .args(["--strip-unneeded", "-o"])
                .args([built.join(program), programs.join(program)])
                .run()?;
        }
        let own = made.join("phoenix");
        docs::completions(&programs.join("phoenix"), &own)?;
        pages(&programs.join("phoenix"), &made)?;
        features(&own.join("features"))?;
        changelogs(origin, &made)?;
        bills(workspace, origin, &made)?;
        Ok(Self { target: target.to_owned() })
    }
}

/// Makes an empty folder, whatever there was.
pub(super) fn renew(folder: &Path) -> Result<()> {
    let unmade = || format!("cannot make {} anew", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(unmade)?;
    }
    fs::create_dir_all(folder).with_context(unmade)
}

/// The pages of all commands. `phoenix worker` is `phoenix-worker`, and so is its page.
fn pages(phoenix: &Path, made: &Path) -> Result<()> {
    let (own, worker, monitor) = (
        made.join("phoenix/man"),
        made.join("phoenix-worker/man"),
        made.join("phoenix-health-monitor/man"),
    );
    for folder in [&own, &worker, &monitor] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    docs::pages(phoenix, &own)?;
    let page = own.join("phoenix-worker.1");
    copy(&page, &worker.join("phoenix-worker.1"))?;
    fs::remove_file(&page).with_context(|| format!("cannot remove {}", page.display()))?;
    copy(&own.join("phoenix-monitor.1"), &monitor.join("phoenix-health-monitor.1"))?;
    let folders = [&own, &worker, &monitor];
    Program::new("gzip").args(GZIP).arg("--recursive").args(folders).run()
}

/// The features as they are committed: whether a file can be run counts, whatever else a checkout made of it.
fn features(to: &Path) -> Result<()> {
    for file in workspace::files()? {
        let Ok(name) = file.strip_prefix("features") else { continue };
        copy(&file, &to.join(name))?;
    }
    Ok(())
}

fn changelogs(origin: &Origin, made: &Path) -> Result<()> {
    let (version, Origin { commit, date, .. }) = (env!("CARGO_PKG_VERSION"), origin);
    for deb in &DEBS {
        let name = deb.name;
        let text = format!(
            "{name} ({version}-{REVISION}) stable; urgency=medium\n\n  \
             * Made of commit {commit}.\n\n -- {MAINTAINER}  {date}\n"
        );
        let path = made.join(name).join("changelog.Debian");
        fs::create_dir_all(made.join(name))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Program::new("gzip").args(GZIP).arg(&path).run()?;
    }
    Ok(())
}

/// What each program is made of: every library, its version and its licence.
fn bills(workspace: &Workspace, origin: &Origin, made: &Path) -> Result<()> {
    tools::CYCLONEDX.ensure(workspace)?;
    Program::new("cargo")
        .args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"])
        .args(["--describe", "binaries", "--no-build-deps"])
        .env("SOURCE_DATE_EPOCH", &origin.time)
        .run()?;
    let here = std::env::current_dir()?.display().to_string();
    for (member, program, package) in BILLS {
        let bill = Path::new(member).join(format!("{program}_bin.cdx.json"));
        let text =
            fs::read_to_string(&bill).with_context(|| format!("cannot read {}", bill.display()))?;
        let to = made.join(package).join("sbom.cdx.json");
        fs::create_dir_all(made.join(package))?;
        fs::write(&to, text.replace(&here, "/usr/src/phoenix"))
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    clean()
}

/// Removes what was written beside every manifest; it can be told no other place.
fn clean() -> Result<()> {
    let manifests = workspace::files()?;
    let manifests = manifests.iter().filter(|file| file.ends_with("Cargo.toml"));
    for folder in manifests.filter_map(|manifest| manifest.parent()) {
        let folder = Path::new(".").join(folder);
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            if file.to_string_lossy().ends_with(".cdx.json") {
                fs::remove_file(&file)
                    .with_context(|| format!("cannot remove {}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// Copies a file, or what a link leads to, with the plain mode of a file that can be run, or cannot.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let uncopied = || format!("cannot copy {} to {}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(uncopied)?;
    }
    fs::copy(from, to).with_context(uncopied)?;
    let can_run = fs::metadata(from).with_context(uncopied)?.permissions().mode() & 0o100 != 0;
    let mode = if can_run { 0o755 } else { 0o644 };
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(uncopied)
}
