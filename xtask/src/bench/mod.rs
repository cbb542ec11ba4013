//! `cargo xtask bench`: how fast, and with how much memory.

mod all;
mod check;
mod contender;
mod converge;
mod engine;
mod engines;
mod fleet;
mod health;
mod instructions;
mod kept;
mod measure;
mod peers;
mod proxmox;
mod report;
mod rows;
mod scaling;
mod serve;
mod speed;
mod table;

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// All of them, one after the other, in one table
    All(all::All),
    /// Check made-up fleets, beside programs that validate JSON Schemas
    Check(check::Check),
    /// Make guests of nine commands each and ask for them again, beside other tools
    Converge(converge::Converge),
    /// Take guests whose steps do nothing through them, beside the bare server
    Engine(engine::Engine),
    /// Ask services how they are, beside programs that do so too
    Health(health::Health),
    /// Count the instructions of a worker
    Instructions(instructions::Instructions),
    /// Take guests through a made-up Proxmox node as slow as a real one
    Proxmox(proxmox::Proxmox),
    /// Make many guests, and lose servers of a cluster
    Scaling(scaling::Scaling),
    /// Send webhooks and watch, beside a server that only stores
    Serve(serve::Serve),
}

impl Bench {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let bench: &dyn Measures = match self {
            Self::All(all) => return all.run(workspace),
            Self::Check(check) => check,
            Self::Converge(converge) => converge,
            Self::Engine(engine) => engine,
            Self::Health(health) => health,
            Self::Instructions(instructions) => instructions,
            Self::Proxmox(proxmox) => proxmox,
            Self::Scaling(scaling) => scaling,
            Self::Serve(serve) => serve,
        };
        let report = report::Report::of(workspace, bench)?;
        report.show(workspace)?;
        kept::compare(&report.rows)
    }
}

/// Something that can be measured.
trait Measures {
    fn name(&self) -> &'static str;

    fn measure(&self, workspace: &Workspace) -> Result<rows::Rows>;
}
