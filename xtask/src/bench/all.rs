//! `cargo xtask bench all`: every bench, one after the other, in one table.

use anyhow::Result;
use clap::Args;

use crate::page;
use crate::say::say;
use crate::workspace::Workspace;

use super::check::Check;
use super::converge::Converge;
use super::engine::Engine;
use super::health::Health;
use super::instructions::Instructions;
use super::proxmox::Proxmox;
use super::report::{self, Report};
use super::rows::Rows;
use super::scaling::Scaling;
use super::serve::Serve;
use super::{Measures, kept, table};

/// Where the table stands that is kept.
const PAGE: &str = "docs/performance.md";
/// What it stands between.
const BETWEEN: [&str; 2] = ["<!-- bench: begin -->\n", "<!-- bench: end -->\n"];

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that is typed")]
pub(crate) struct All {
    /// Leave out what takes longer than a minute or two
    #[arg(long)]
    short: bool,
    /// Install the programs of others, and measure them in the same run
    #[arg(long)]
    peers: bool,
    /// Measure nothing, and take what each of them has found the last time that it ran
    #[arg(long, conflicts_with_all = ["short", "peers"])]
    last: bool,
    /// Write the table into docs/performance.md, and the ratios beside it
    #[arg(long)]
    write: bool,
}

impl All {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        let (mut all, mut reports) = (Rows::default(), Vec::new());
        for bench in self.benches() {
            let found = if self.last {
                Report::last(workspace, &*bench)
            } else {
                Report::of(workspace, &*bench)
            };
            // One that fails does not take the others along: what they found is told.
            match found {
                Ok(found) => {
                    if !self.last {
                        found.show(workspace)?;
                    }
                    all.rows.extend(found.rows.rows.clone());
                    all.not_run.extend(found.rows.not_run.clone());
                    reports.push(found);
                }
                Err(err) => all.not_run.push(format!("{}: {err:#}", bench.name())),
            }
        }
        let path = report::write(workspace, "all", &reports)?;
        say(format_args!("\n{}\nalso in {}", table::aligned(&all), path.display()));
        if !self.write {
            return kept::compare(&all);
        }
        let made = reports.iter().map(|report| format!("* {}: {}\n", report.name, report.made));
        let text = format!("{}\n{}", made.collect::<String>(), table::markdown(&all));
        page::write_between(PAGE, BETWEEN, &text)?;
        kept::write(&all)
    }

    fn benches(&self) -> Vec<Box<dyn Measures>> {
        let Self { short, peers, .. } = *self;
        let guests = if short { vec![10, 1_000] } else { vec![10, 1_000, 100_000] };
        let many = if short { vec![10] } else { vec![10, 50, 200] };
        vec![
            Box::new(Check { guests, peers }),
            Box::new(Converge { guests: many, rounds: 5, real: false, peers }),
            Box::new(Converge { guests: vec![10], rounds: 5, real: true, peers }),
            Box::new(Engine { short, rounds: 5, peers }),
            Box::new(Proxmox { short, peers }),
            Box::new(Health { speed: true, peers, endpoints: 10_000 }),
            Box::new(Instructions {}),
            Box::new(Serve { short }),
            Box::new(Scaling { short, guests: false }),
        ]
    }
}
