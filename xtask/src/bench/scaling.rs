//! `cargo xtask bench scaling`: what many guests cost, and for how long nothing happens when servers are lost.

use std::{fs, path};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

use super::Measures;
use super::rows::Rows;
use super::speed::Speed;

/// For how many seconds the log may take nothing, while there are servers enough.
const LONGEST: f64 = 10.0;

#[derive(Args)]
pub(crate) struct Scaling {
    /// Only what many guests cost, and of them ten thousand at most
    #[arg(long)]
    pub(super) short: bool,
    /// Only what many guests cost
    #[arg(long)]
    pub(super) guests: bool,
}

impl Measures for Scaling {
    fn name(&self) -> &'static str {
        "scaling"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        tools::TIME.ensure(workspace)?;
        let speed = Speed::build(workspace)?;
        let words = if self.short { vec!["short".to_owned()] } else { Vec::new() };
        let rows = speed.play(workspace, self.name(), &words)?;
        if self.short || self.guests {
            return Ok(rows);
        }
        let notes = path::absolute(workspace.target.join("bench/stalls"))?;
        fs::write(&notes, "")?;
        // One after the other: what is compared is not to wait for another cluster.
        let words = ["test", "--quiet", "--package", "phoenix-tests", "--test", "it"];
        let scenes = workspace.cargo(&words).args(["cluster::", "--", "--test-threads=1"]);
        scenes.env("PHOENIX_NATS_SERVER", &speed.server).env("PHOENIX_STALLS", &notes).run()?;
        compare(&fs::read_to_string(&notes)?)?;
        Ok(rows)
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
