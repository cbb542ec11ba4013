//! `cargo xtask bench all`: every bench, one after the other, in one table.

use anyhow::Result;
use clap::Args;

use crate::page;
use crate::workspace::Workspace;

use super::check::Check;
use super::converge::Converge;
use super::engine::Engine;
use super::health::Health;
use super::proxmox::Proxmox;
use super::report::{Begun, Report};
use super::rows::Rows;
use super::scaling::Scaling;
use super::serve::Serve;
use super::{Measures, kept, table};

/// Where the table stands that is kept.
const PAGE: &str = "docs/performance.md";
/// What it stands between.
const BETWEEN: [&str; 2] = ["<!-- bench: begin -->\n", "<!-- bench: end -->\n"];

#[derive(Args)]
pub(crate) struct All {
    /// Leave out what takes longer than a minute or two
    #[arg(long)]
    short: bool,
    /// Install the programs of others, and measure them in the same run
    #[arg(long)]
    peers: bool,
    /// Write the table into docs/performance.md, and the ratios beside it
    #[arg(long)]
    write: bool,
}

impl All {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        let begun = Begun::now()?;
        let mut all = Rows::default();
        for bench in self.benches() {
            // One that fails does not take the others along: what they found is told.
            match Report::of(workspace, &*bench) {
                Ok(found) => {
                    found.show(workspace)?;
                    all.rows.extend(found.rows.rows);
                    all.not_run.extend(found.rows.not_run);
                }
                Err(err) => all.not_run.push(format!("{}: {err:#}", bench.name())),
            }
        }
        let report = Report::made("all", begun, all)?;
        report.show(workspace)?;
        if !self.write {
            return kept::compare(&report.rows);
        }
        let text = format!("{}.\n\n{}", report.made, table::markdown(&report.rows));
        page::write_between(PAGE, BETWEEN, &text)?;
        kept::write(&report.rows)
    }

    fn benches(&self) -> Vec<Box<dyn Measures>> {
        let Self { short, peers, .. } = *self;
        let guests = if short { vec![10, 1_000] } else { vec![10, 1_000, 100_000] };
        vec![
            Box::new(Check { guests, peers }),
            Box::new(Converge { guests: vec![10], rounds: 5, real: false, peers }),
            Box::new(Engine { short, rounds: 5, peers }),
            Box::new(Proxmox { short, peers }),
            Box::new(Health { speed: true, peers, endpoints: 10_000 }),
            Box::new(Serve { short }),
            Box::new(Scaling { short }),
        ]
    }
}
