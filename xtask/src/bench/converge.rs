//! `cargo xtask bench converge`: many guests of nine commands, made and asked for again, beside other tools.

use anyhow::Result;
use clap::Args;

use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

use super::rows::Rows;
use super::speed::Speed;
use super::{Measures, peers};

#[derive(Args)]
pub(crate) struct Converge {
    /// How many guests there are
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [10, 50])]
    pub(super) guests: Vec<u32>,
    /// How often each is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) rounds: u32,
    /// Have each `pct` take as long on a core as the real one
    #[arg(long)]
    pub(super) real: bool,
    /// Install ansible-core, and measure it, Terraform where it is on this machine, and a shell in the same run
    #[arg(long)]
    pub(super) peers: bool,
}

impl Measures for Converge {
    fn name(&self) -> &'static str {
        if self.real { "converge-real" } else { "converge" }
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        tools::BUSYBOX.ensure(workspace)?;
        let speed = Speed::build(workspace)?;
        let mut words = vec![format!("rounds={}", self.rounds)];
        words.extend(self.guests.iter().map(|guests| format!("guests={guests}")));
        words.extend(self.real.then(|| "real".to_owned()));
        let mut not_run = Vec::new();
        if self.peers {
            words.push("shell".to_owned());
            match peers::ansible(&workspace.target.join("bench/peers")) {
                Ok(program) => words.push(format!("ansible={}", program.display())),
                Err(err) => not_run.push(format!("ansible: {err:#}")),
            }
            // It is not free software, and not ours to install.
            match Program::new("terraform").arg("version").ask() {
                Some(_) => words.push("terraform=terraform".to_owned()),
                None => not_run.push("terraform: it is not on this machine".to_owned()),
            }
        }
        let mut rows = speed.play(workspace, "converge", &words)?.of_bench(self.name());
        rows.not_run.extend(not_run);
        Ok(rows)
    }
}
