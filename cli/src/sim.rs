//! `phoenix sim`: hosts that are not real.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};
use phoenix_worker::SimVerb;

/// Looks at a host that is not real, and breaks it.
#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Where the simulated host lives
    #[arg(long, global = true, env = "PHOENIX_SIM_DIR", default_value = "phoenix-data/sim", value_name = "DIR", value_hint = ValueHint::DirPath)]
    sim_dir: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Simulated(SimVerb),
    /// Make a node that looks like Proxmox, with its programs, to try a worker on: a strict double
    ///
    /// `phoenix sim pve help` says what it understands. The programs it makes are links to this one.
    Pve {
        /// init, fault, show, help
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<String>,
    },
}

impl Sim {
    pub(crate) fn run(self) -> ExitCode {
        let words = match self.verb {
            Verb::Simulated(verb) => {
                return phoenix_worker::Sim { sim_dir: self.sim_dir, verb }.run();
            }
            Verb::Pve { words } => words,
        };
        let told = match std::env::current_exe() {
            Ok(program) => phoenix_fake_proxmox::administer(&words, &program),
            Err(err) => Err(format!("cannot find this program: {err}")),
        };
        // Who does not listen has to go by the exit code.
        match told {
            Ok(text) => {
                drop(
                    io::stdout().write_all(text.replace("fake-pve", "phoenix sim pve").as_bytes()),
                );
                ExitCode::SUCCESS
            }
            Err(text) => {
                let text = text.replace("fake-pve", "phoenix sim pve");
                drop(writeln!(io::stderr(), "{}", text.trim_end()));
                ExitCode::FAILURE
            }
        }
    }
}
