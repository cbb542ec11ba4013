//! Lets a fault strike a command.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use crate::cli::Program;
use crate::die::Outcome;
use crate::fault::{self, What, When};
use crate::node::Node;
use crate::run::{self, Mishap, Run};
use crate::settings::Settings;
use crate::{clock, pct, process, pveam, pvesm, qm, say};

/// The first argument of the process that takes a foreign lock away again.
pub(crate) const UNLOCK: &str = "--fake-pve-unlock";

#[derive(Deserialize, Serialize)]
struct Unlock {
    root: PathBuf,
    vmid: u32,
    lock: String,
    ms: u64,
}

/// Carries a command out, or lets happen to it what is to happen.
pub(crate) fn carry_out(run: &Run, words: &[String], command: impl Fn() -> u8) -> Outcome<u8> {
    let (subcommand, vmid) = what_is_meant(&run.program, words);
    let start_up = run.settings.start_up(&run.program, &subcommand);
    if run.settings.burns {
        clock::burn(start_up);
    } else {
        clock::sleep(start_up);
    }
    let struck = fault::take(&run.node, &run.program, &subcommand, vmid)?;
    Ok(match struck {
        None => command(),
        Some(What::Fail { exit, stdout, stderr }) => {
            say::out(&stdout);
            say::err(&stderr);
            exit
        }
        Some(What::Lie) => 0,
        Some(What::Hang) => loop {
            clock::sleep(1_000_000);
        },
        Some(What::Slow { ms }) => {
            clock::sleep(ms);
            command()
        }
        Some(What::Half | What::KillSelf { when: When::During }) => {
            run.mishap.set(Some(Mishap::All));
            command()
        }
        Some(What::KillSelf { when: When::Before }) => run::kill_all(),
        Some(What::KillSelf { when: When::After }) => {
            command();
            run::kill_all()
        }
        Some(What::KillStarter { when: When::Before }) => {
            run::kill_starter(run);
            command()
        }
        Some(What::KillStarter { when: When::During }) => {
            run.mishap.set(Some(Mishap::Starter));
            command()
        }
        Some(What::KillStarter { when: When::After }) => {
            let exit = command();
            run::kill_starter(run);
            exit
        }
        Some(What::KillAll { when }) => {
            match when {
                When::Before => {}
                When::During => {
                    run.mishap.set(Some(Mishap::Everybody));
                    return Ok(command());
                }
                When::After => {
                    command();
                }
            }
            run::kill_starter(run);
            run::kill_all()
        }
        Some(What::LoseAnswer) => {
            silence()?;
            command();
            255
        }
        Some(What::ForeignLock { lock, ms }) => {
            if let Some(vmid) = vmid {
                lock_for(run, vmid, lock, ms)?;
            }
            command()
        }
    })
}

/// Returns the subcommand in full, and the guest.
fn what_is_meant(program: &str, words: &[String]) -> (String, Option<u32>) {
    let program_of = |name: &str| -> Option<&'static Program> {
        match name {
            "pct" => Some(&pct::PCT),
            "qm" => Some(&qm::QM),
            "pvesm" => Some(&pvesm::PVESM),
            "pveam" => Some(&pveam::PVEAM),
            _ => None,
        }
    };
    let first = words.first().cloned().unwrap_or_default();
    let full = program_of(program).and_then(|program| program.find(&first));
    let subcommand = full.map_or(first, |command| command.name.to_owned());
    // Of a clone the new guest is the one that matters less: the first number is the source.
    let vmid = words.iter().find_map(|word| word.parse().ok());
    (subcommand, vmid)
}

/// From here on nothing is heard of this process and those it starts.
fn silence() -> Outcome<()> {
    let nowhere = std::fs::File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    Ok(())
}

/// Locks a guest, and has a process of its own take the lock away later.
fn lock_for(run: &Run, vmid: u32, lock: String, ms: u64) -> Outcome<()> {
    run.set_lock(vmid, &lock)?;
    let orders = Unlock { root: run.node.root().to_owned(), vmid, lock, ms };
    let mut command = process::program(std::env::current_exe()?);
    command.arg(UNLOCK).arg(serde_json::to_string(&orders)?);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives us on purpose, and ends by itself.
    let _child = command.process_group(0).spawn()?;
    Ok(())
}

/// Waits, and takes a foreign lock away.
pub(crate) fn unlock(orders: &str) -> Outcome<()> {
    let orders: Unlock = serde_json::from_str(orders)?;
    clock::sleep(orders.ms);
    let node = Node::new(orders.root);
    let settings: Settings = node.read_json("settings.json")?.unwrap_or_default();
    Run::new(node, settings, "pct").remove_lock(orders.vmid, Some(&orders.lock))
}
