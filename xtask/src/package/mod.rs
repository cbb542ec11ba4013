//! `cargo xtask package`: the Debian packages, and whether they can be trusted.

mod build;
mod fresh;
mod stage;
pub(crate) mod units;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::build::{Homes, Origin};
use self::stage::Stage;
use crate::process::Program;
use crate::say::say;
use crate::tools;
use crate::workspace::{Profile, Workspace};

/// A package, and what cargo-deb is told for it to make that one.
pub(crate) struct Deb {
    pub(crate) name: &'static str,
    /// The crate that says what is in it.
    pub(crate) member: &'static str,
    variant: Option<&'static str>,
}

/// All of them.
pub(crate) const DEBS: [Deb; 4] = [
    Deb { name: "phoenix", member: "phoenix", variant: None },
    Deb { name: "phoenix-serve", member: "phoenix", variant: Some("serve") },
    Deb { name: "phoenix-worker", member: "phoenix-worker", variant: None },
    Deb { name: "phoenix-health-monitor", member: "phoenix-health-monitor", variant: None },
];

#[derive(Args)]
pub(crate) struct Package {
    /// Pack programs that are built fast, twice, and install, use, upgrade and remove the packages in a fresh
    /// Debian; as root
    #[arg(long, conflicts_with = "twice")]
    check: bool,
    /// Build and pack everything a second time, in another folder, and compare each byte
    #[arg(long)]
    twice: bool,
    #[command(flatten)]
    homes: Homes,
}

impl Package {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        if self.check {
            return check(workspace);
        }
        let origin = Origin::of_this_commit()?;
        let folder = workspace.target.join("package");
        let packed = make(workspace, &self.homes, &origin, &folder.join("first"))?;
        if self.twice {
            let again = make(workspace, &self.homes, &origin, &folder.join("second"))?;
            compare(&packed, &again)?;
            say("built twice: the same bytes");
        }
        for deb in packed {
            say(format_args!("written: {}", deb.display()));
        }
        Ok(())
    }
}

/// Builds what is shipped below a folder, and packs it there.
fn make(
    workspace: &Workspace,
    homes: &Homes,
    origin: &Origin,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let programs = build::shipped(workspace, homes, origin, &folder.join("build"))?;
    let stage = Stage::set(workspace, origin, &programs, &folder.join("stage"))?;
    pack(workspace, origin, &stage, &folder.join("debs"), Effort::Small)
}

/// What must be true of packages before a change lands. The programs are those of the tests, as an optimised
/// build takes longer than all of the tests; how they are packed, and what packages do, is the same.
fn check(workspace: &Workspace) -> Result<()> {
    let origin = Origin::of_this_commit()?;
    let folder = workspace.target.join("package/check");
    let programs = build::checked(workspace)?;
    let mut packed = Vec::new();
    for time in ["first", "second"] {
        let folder = folder.join(time);
        let stage = Stage::set(workspace, &origin, &programs, &folder.join("stage"))?;
        packed.push(pack(workspace, &origin, &stage, &folder.join("debs"), Effort::Fast)?);
    }
    if let [first, second] = &*packed {
        compare(first, second)?;
        say("packed twice: the same bytes");
        fresh::check(workspace, first)?;
    }
    Ok(())
}

/// How hard it is tried to make packages small.
#[derive(Clone, Copy)]
enum Effort {
    Fast,
    Small,
}

/// Makes all packages of what is staged, anew.
fn pack(
    workspace: &Workspace,
    origin: &Origin,
    stage: &Stage,
    into: &Path,
    effort: Effort,
) -> Result<Vec<PathBuf>> {
    tools::DEB.ensure(workspace)?;
    stage::renew(into)?;
    for deb in &DEBS {
        let mut cargo = workspace
            .cargo(&[
                "deb",
                "--quiet",
                "--offline",
                "--no-build",
                "--no-strip",
                "--profile",
                Profile::Dist.name(),
            ])
            .args(["--package", deb.member, "--output"])
            .arg(std::path::absolute(into)?)
            // Where it finds what is built.
            .env("CARGO_TARGET_DIR", std::path::absolute(&stage.target)?)
            .env("SOURCE_DATE_EPOCH", &origin.time);
        if let Some(variant) = deb.variant {
            cargo = cargo.args(["--variant", variant]);
        }
        cargo = match effort {
            Effort::Fast => cargo.arg("--fast"),
            Effort::Small => cargo,
        };
        cargo.run()?;
    }
    let unread = || format!("cannot read {}", into.display());
    let files = fs::read_dir(into).with_context(unread)?.map(|entry| Ok(entry?.path()));
    let mut debs = files.collect::<std::io::Result<Vec<_>>>().with_context(unread)?;
    debs.sort();
    if debs.len() != DEBS.len() {
        bail!("{} packages were to be made, and {debs:?} are there", DEBS.len());
    }
    Ok(debs)
}

/// Fails where two packagings of the same differ in any byte.
fn compare(first: &[PathBuf], second: &[PathBuf]) -> Result<()> {
    if first.len() != second.len() {
        bail!("{} packages, and {} the second time", first.len(), second.len());
    }
    for (first, second) in first.iter().zip(second) {
        if first.file_name() != second.file_name() {
            bail!("{} has another name the second time", first.display());
        }
        if Program::new("cmp").args([first, second]).code()? != Some(0) {
            bail!(
                "{} and {} differ: something of where or when is in them",
                first.display(),
                second.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn packages_that_differ_in_a_byte_are_not_the_same() {
        let folder = std::env::temp_dir().join(format!("phoenix-compare-{}", std::process::id()));
        let (here, there) = (folder.join("here"), folder.join("there"));
        let first = [file(&here, "a.deb", "one"), file(&here, "b.deb", "two")];
        let same = [file(&there, "a.deb", "one"), file(&there, "b.deb", "two")];
        let compared = compare(&first, &same);
        file(&there, "b.deb", "twp");
        let differ = compare(&first, &same);
        fs::remove_dir_all(&folder).unwrap();

        assert!(compared.is_ok() && differ.is_err(), "{compared:?} {differ:?}");
    }
}
