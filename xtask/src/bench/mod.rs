//! `cargo xtask bench`: how fast, and with how much memory.

mod contender;
mod engine;
mod fleet;
mod health;
mod measure;
mod peers;
mod proxmox;
mod scaling;
mod serve;
mod table;

use std::fs;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::say::say;
use crate::tools;
use crate::workspace::{Profile, Workspace};

use self::contender::Contender;
use self::measure::{Median, Sample};
use self::table::{Report, Row};

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Check made-up fleets, beside programs that validate JSON Schemas
    Check(Check),
    /// Take guests whose steps do nothing through them, beside the bare server
    Engine(engine::Engine),
    /// Ask services how they are, beside programs that do so too
    Health(health::Health),
    /// Take guests through a made-up Proxmox node as slow as a real one
    Proxmox(proxmox::Proxmox),
    /// Make many guests, and lose servers of a cluster
    Scaling(scaling::Scaling),
    /// Send webhooks and watch, beside a server that only stores
    Serve(serve::Serve),
}

impl Bench {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Check(check) => check.run(workspace),
            Self::Engine(engine) => engine.run(workspace),
            Self::Health(health) => health.run(workspace),
            Self::Proxmox(proxmox) => proxmox.run(workspace),
            Self::Scaling(scaling) => scaling.run(workspace),
            Self::Serve(serve) => serve.run(workspace),
        }
    }
}

#[derive(Args)]
pub(crate) struct Check {
    /// Sizes of the fleets
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [10, 1_000, 100_000])]
    guests: Vec<u32>,
    /// Install ajv-cli, check-jsonschema and jsonschema-rs, and measure them in the same run
    #[arg(long)]
    peers: bool,
}

impl Check {
    fn run(&self, workspace: &Workspace) -> Result<()> {
        tools::TIME.ensure(workspace)?;
        let bench = workspace.target.join("bench");
        let mut contenders = vec![Contender::phoenix(&workspace.phoenix(Profile::Dist)?)];
        let mut report = Report::default();
        if self.peers {
            for (name, peer) in peers::install(&bench.join("peers")) {
                match peer {
                    Ok(peer) => contenders.push(peer),
                    Err(err) => report.not_run.push(format!("{name}: {err:#}")),
                }
            }
        }
        for &guests in &self.guests {
            let folder = bench.join(format!("fleet-{guests}"));
            let bytes = fleet::write(&folder, guests)?;
            say(format_args!("{guests} guests, {bytes} bytes, in {}", folder.display()));

            let mut all: Vec<Vec<Sample>> = contenders.iter().map(|_| Vec::new()).collect();
            // In turns: whatever else the machine does meanwhile, it does to all of them.
            for _ in 0..rounds(guests) {
                for (contender, samples) in contenders.iter().zip(&mut all) {
                    samples.extend(contender.measure(&folder, &bench, &mut report.not_run)?);
                }
            }
            report.rows.extend(contenders.iter().zip(&all).filter_map(|(contender, samples)| {
                let median = Median::of(samples)?;
                Some(Row { guests, bytes, tool: contender.name.clone(), median })
            }));
        }
        let path = bench.join("check.json");
        let json = serde_json::to_vec_pretty(&report).context("cannot write the report as JSON")?;
        fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!("\n{report}\nalso in {}", path.display()));
        Ok(())
    }
}

/// Seconds a run make fewer runs bearable, and less needed: what disturbs them evens out.
fn rounds(guests: u32) -> usize {
    if guests < 100_000 { 5 } else { 3 }
}
