//! `cargo xtask bench instructions`: how many instructions a worker needs for a guest, and for what.

use std::path;

use anyhow::Result;
use clap::Args;

use crate::process::Program;
use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

use super::Measures;
use super::rows::Rows;
use super::speed::Speed;

/// How many of the most costly functions are shown.
const SHOWN: usize = 25;

#[derive(Args)]
pub(crate) struct Instructions {}

impl Measures for Instructions {
    fn name(&self) -> &'static str {
        "instructions"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        tools::VALGRIND.ensure(workspace)?;
        let speed = Speed::build(workspace)?;
        let profile = path::absolute(workspace.target.join("bench/callgrind.out"))?;
        let words = [format!("profile={}", profile.display())];
        let rows = speed.play(workspace, self.name(), &words)?;
        let costs = Program::new("callgrind_annotate").arg(&profile).read()?;
        let costs = String::from_utf8_lossy(&costs);
        for line in costs.lines().filter(|line| line.contains('%')).take(SHOWN) {
            say(format_args!("{line}"));
        }
        Ok(rows)
    }
}
