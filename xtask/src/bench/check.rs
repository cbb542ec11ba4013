//! `cargo xtask bench check`: what it takes to check fleets, beside programs that validate JSON Schemas.

use anyhow::Result;
use clap::Args;

use crate::say::say;
use crate::tools;
use crate::workspace::{Profile, Workspace};

use super::contender::Contender;
use super::rows::{Line, Rows, Sample};
use super::{Measures, fleet, peers};

#[derive(Args)]
pub(crate) struct Check {
    /// Sizes of the fleets
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [10, 1_000, 100_000])]
    pub(super) guests: Vec<u32>,
    /// Install ajv-cli, check-jsonschema and jsonschema-rs, and measure them in the same run
    #[arg(long)]
    pub(super) peers: bool,
}

impl Measures for Check {
    fn name(&self) -> &'static str {
        "check"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        tools::TIME.ensure(workspace)?;
        let bench = workspace.target.join("bench");
        let mut contenders = vec![Contender::phoenix(&workspace.phoenix(Profile::Dist)?)];
        let (mut not_run, mut lines) = (Vec::new(), Vec::new());
        if self.peers {
            for (name, peer) in peers::install(&bench.join("peers")) {
                match peer {
                    Ok(peer) => contenders.push(peer),
                    Err(err) => not_run.push(format!("{name}: {err:#}")),
                }
            }
        }
        for &guests in &self.guests {
            let folder = bench.join(format!("fleet-{guests}"));
            let bytes = fleet::write(&folder, guests)?;
            say(format_args!("{guests} guests, {bytes} bytes, in {}", folder.display()));
            // In turns: whatever else the machine does meanwhile, it does to all of them.
            for round in 0..rounds(guests) {
                for contender in &contenders {
                    let Some(cost) = contender.measure(&folder, &bench, &mut not_run)? else {
                        continue;
                    };
                    let sample = |what: &str, value: f64, unit: &str| Sample {
                        round,
                        what: format!("{guests} guests, {what}"),
                        contender: contender.name.clone(),
                        value,
                        unit: unit.to_owned(),
                    };
                    lines.push(sample("time", cost.wall_seconds, "s"));
                    lines.push(sample("CPU", cost.cpu_seconds, "s"));
                    lines.push(sample("memory", cost.peak_mib, "MiB"));
                }
            }
        }
        let lines = lines.into_iter().map(Line::Sample);
        let not_run = not_run.into_iter().map(|not_run| Line::NotRun { not_run });
        Ok(Rows::of(self.name(), lines.chain(not_run).collect()))
    }
}

/// Seconds a run make fewer runs bearable, and less needed: what disturbs them evens out.
fn rounds(guests: u32) -> usize {
    if guests < 100_000 { 5 } else { 3 }
}
