//! `phoenix-torture`: does to the programs what happens to programs, and looks whether all they promise holds.
//!
//! Every run prints the seed of its dice; the same seed makes the same choices again. What was in flight when
//! something was killed is for the machine to say, so a seed repeats what was done, not each instant of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "what cannot be set up should stop the run"
)]

mod cable;
mod canary;
mod dice;
mod field;
mod fleet;
mod invariants;
mod node;
mod planted;
mod play;
mod programs;
mod reading;
mod report;
mod rows;
mod typing;
mod wire;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;

use crate::dice::seed_of;
use crate::programs::Programs;
use crate::report::Report;
use crate::rows::{Row, What};

/// How many operations a run makes that makes any, and how many where it is to be over soon.
const MANY: u64 = 200;
const FEW: u64 = 40;

/// Do to the programs what happens to programs, and look whether all they promise holds
#[derive(Parser)]
#[command(name = "phoenix-torture", version)]
struct Cli {
    /// Only this row
    #[arg(long, value_name = "N")]
    row: Option<u16>,
    /// For so many minutes, all rows in turn
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// What all choices follow from; with --row that of one run
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// So many runs of each row as take a few minutes in all
    #[arg(long)]
    sample: bool,
    /// So many runs of each row as take a night
    #[arg(long)]
    night: bool,
    /// Look for bugs that this worker has on purpose
    #[arg(long, value_name = "PROGRAM")]
    planted: Option<PathBuf>,
    /// Only this one of those bugs
    #[arg(long, value_name = "NAME", requires = "planted")]
    bug: Option<String>,
    /// Where the programs lie
    #[arg(long, value_name = "DIR", default_value = "target/debug")]
    programs: PathBuf,
    /// Where to write what came of it, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to write the table
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What a run stopped at stands among its breaches.
    std::panic::set_hook(Box::new(|_| {}));
    let rows = rows::all();
    let folder = std::path::absolute(&cli.programs).unwrap();
    let operations = if cli.is_short() { FEW } else { MANY };
    let programs = Programs { folder, worker: None, planted: None, operations };
    let seed = cli.seed.unwrap_or_else(throw);
    if let Some(worker) = &cli.planted {
        let worker = Some(std::path::absolute(worker).unwrap());
        let (missed, table) =
            planted::hunt(cli.bug.as_deref(), &rows, seed, &Programs { worker, ..programs }, say);
        cli.show(&table, seed);
        return if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut report = Report::default();
    for (row, seed) in cli.plan(&rows, seed) {
        let Some(played) = play::play(row, seed, &programs) else { continue };
        let (broken, took) = (played.breaches.len(), played.took.as_secs_f64());
        say(&format!(
            "row {:>2}  seed {seed:<10} {:>3} faults  {broken} broken  {took:>5.1} s  {}",
            row.number, played.faults, row.fault
        ));
        for breach in &played.breaches {
            say(&format!("    {breach}"));
        }
        if broken > 0 {
            let short = if cli.sample { " --sample" } else { "" };
            let again = format!("cargo xtask torture --row {} --seed {seed}{short}", row.number);
            say(&format!("    again: {again}"));
        }
        report.add(row, played);
    }
    cli.show(&report.table(&rows), seed);
    if let Some(path) = &cli.report {
        fs::write(path, format!("{:#}\n", report.json(&rows, seed))).unwrap();
    }
    if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Cli {
    /// Says whether a run is to be over soon.
    fn is_short(&self) -> bool {
        self.sample || self.planted.is_some()
    }

    /// Prints a table, and writes it where that is wanted.
    fn show(&self, table: &str, seed: u64) {
        let text = format!("{table}\nSeed {seed}.\n");
        drop(writeln!(std::io::stdout(), "{text}"));
        if let Some(path) = &self.table {
            fs::write(path, &text).unwrap();
        }
    }

    /// Returns the runs that are wanted, one after the other, each with its seed.
    fn plan<'r>(
        &self,
        rows: &'r [Row],
        seed: u64,
    ) -> Box<dyn Iterator<Item = (&'r Row, u64)> + 'r> {
        let only = self.row;
        let wanted: Vec<_> =
            rows.iter().filter(move |row| only.is_none_or(|only| only == row.number)).collect();
        if self.row.is_some() && self.seed.is_some() {
            return Box::new(wanted.into_iter().map(move |row| (row, seed)));
        }
        let (is_night, is_timed) = (self.night, self.minutes);
        if let Some(minutes) = is_timed {
            let end = Instant::now() + Duration::from_secs(60 * minutes);
            let rounds = (0..).flat_map(move |nth| {
                let row = |row: &&'r Row| (*row, seed_of(seed, row.number, nth));
                wanted.iter().map(row).collect::<Vec<_>>()
            });
            return Box::new(rounds.take_while(move |_| Instant::now() < end));
        }
        Box::new(wanted.into_iter().flat_map(move |row| {
            let times = match row.what {
                What::Runs { night, .. } if is_night => night,
                What::Runs { sampled, .. } => sampled,
                What::NotRun(_) => 0,
            };
            (0..times).map(move |nth| (row, seed_of(seed, row.number, nth)))
        }))
    }
}

/// Returns a seed that nobody chose.
fn throw() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is main")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    seed_of(now.as_secs(), 0, u64::from(now.subsec_nanos()))
}

fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
