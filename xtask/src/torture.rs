//! `cargo xtask torture`: does to the programs what happens to programs, and looks whether all they promise holds.

use std::{fs, path};

use anyhow::Result;
use clap::Args;

use crate::page;
use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

/// Where the table stands that is kept.
const PAGE: &str = "docs/reliability.md";
/// What it stands between.
const TORTURED: [&str; 2] = ["<!-- torture: begin -->\n", "<!-- torture: end -->\n"];
/// What that of the planted bugs stands between.
const PLANTED: [&str; 2] = ["<!-- planted: begin -->\n", "<!-- planted: end -->\n"];

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that is typed")]
pub(crate) struct Torture {
    /// Only this row of the table
    #[arg(long, value_name = "N")]
    row: Option<u16>,
    /// For so many minutes, all rows in turn
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// What all choices follow from; with --row that of one run
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// A few runs of each row: what CI makes
    #[arg(long, conflicts_with_all = ["minutes", "night"])]
    sample: bool,
    /// As many runs of each row as take a night
    #[arg(long, conflicts_with = "minutes")]
    night: bool,
    /// Look for each of the bugs that a worker is built with on purpose
    #[arg(long, conflicts_with_all = ["row", "minutes", "sample", "night"])]
    planted: bool,
    /// Write the table into docs/reliability.md
    #[arg(long)]
    write: bool,
}

impl Torture {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        tools::FAKETIME.ensure(workspace)?;
        let packages = ["phoenix", "phoenix-worker", "phoenix-health-monitor", "phoenix-torture"];
        let packages = packages.into_iter().flat_map(|package| ["--package", package]);
        let programs = path::absolute(workspace.target.join("debug"))?;
        let report = path::absolute(workspace.target.join("torture/report.json"))?;
        fs::create_dir_all(workspace.target.join("torture"))?;
        let bad = report.with_file_name("phoenix-worker");
        if self.planted {
            let words =
                ["build", "--quiet", "--package", "phoenix-worker", "--features", "planted"];
            workspace.cargo(&words).run()?;
            fs::copy(programs.join("phoenix-worker"), &bad)?;
        }
        // After it, so that the programs that lie there are those that ship.
        workspace.cargo(&["build", "--quiet"]).args(packages).run()?;
        let name = if self.planted { "planted.md" } else { "table.md" };
        let table = report.with_file_name(name);
        let mut torture = Program::new(programs.join("phoenix-torture"))
            .arg("--programs")
            .arg(&programs)
            .arg("--report")
            .arg(&report)
            .arg("--table")
            .arg(&table)
            .env("PHOENIX_NATS_SERVER", server);
        if self.planted {
            torture = torture.arg("--planted").arg(bad);
        }
        let numbers = [
            ("--row", self.row.map(u64::from)),
            ("--minutes", self.minutes),
            ("--seed", self.seed),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                torture = torture.args([name, &number.to_string()]);
            }
        }
        for (name, is_wanted) in [("--sample", self.sample), ("--night", self.night)] {
            if is_wanted {
                torture = torture.arg(name);
            }
        }
        torture.run()?;
        let between = if self.planted { PLANTED } else { TORTURED };
        if self.write { write(&fs::read_to_string(table)?, between) } else { Ok(()) }
    }
}

/// Puts the table into its page.
fn write(table: &str, between: [&str; 2]) -> Result<()> {
    let commit = Program::new("git").args(["rev-parse", "--short", "HEAD"]).read()?;
    let machine = Program::new("uname").args(["-srm"]).read()?;
    let of = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    let what = format!("Commit {}, on {}.\n\n{table}", of(commit), of(machine));
    page::write_between(PAGE, between, &what)
}
