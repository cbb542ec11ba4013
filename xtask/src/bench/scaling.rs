//! `cargo xtask bench scaling`: what many guests cost, and for how long nothing happens when servers are lost.

use std::{fs, path};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

/// For how many seconds the log may take nothing, while there are servers enough.
const LONGEST: f64 = 10.0;

#[derive(Args)]
pub(crate) struct Scaling {
    /// Only what many guests cost
    #[arg(long)]
    short: bool,
}

impl Scaling {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        let packages = ["--package", "phoenix-worker", "--package", "phoenix"];
        workspace.cargo(&["build", "--quiet", "--release"]).args(packages).run()?;
        let release = path::absolute(workspace.target.join("release"))?;
        let words = ["bench", "--quiet", "--profile", "release", "--package", "phoenix-tests"];
        let bench = workspace.cargo(&words).args(["--bench", "speed", "--", "scaling"]);
        let bench = bench.arg(&server).arg(release.join("phoenix-worker"));
        bench.arg(release.join("phoenix")).run()?;
        if self.short {
            return Ok(());
        }
        let notes = path::absolute(workspace.target.join("bench/stalls"))?;
        fs::create_dir_all(workspace.target.join("bench"))?;
        fs::write(&notes, "")?;
        // One after the other: what is compared is not to wait for another cluster.
        let words = ["test", "--quiet", "--package", "phoenix-tests", "--test", "it"];
        let scenes = workspace.cargo(&words).args(["cluster::", "--", "--test-threads=1"]);
        scenes.env("PHOENIX_NATS_SERVER", server).env("PHOENIX_STALLS", &notes).run()?;
        compare(&fs::read_to_string(&notes)?)
    }
}

/// Tells for how long the log took nothing in each scene, and fails where that is too long.
fn compare(notes: &str) -> Result<()> {
    let mut too_long = Vec::new();
    for line in notes.lines() {
        let (scene, seconds) = line.split_once('\t').context("a note is a scene and seconds")?;
        say(format_args!("{scene}: the log took nothing for {seconds} s"));
        if seconds.parse::<f64>()? >= LONGEST {
            too_long.push(scene);
        }
    }
    if !too_long.is_empty() {
        bail!("longer than {LONGEST} s: {}", too_long.join(", "));
    }
    Ok(())
}
