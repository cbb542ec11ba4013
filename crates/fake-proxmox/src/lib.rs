//! A strict test double of the programs of a Proxmox node: `pct`, `qm`, `pvesm`, `pvesh`, `pveam`,
//! `lxc-attach`, `apparmor_parser`.
//!
//! It is one program that acts by the name it is started under, on a folder that looks like a node.
//! What it prints and how it ends was recorded of the real programs, or read in their sources; it
//! shares no code with what it tests.

mod say;

mod admin;
mod apparmor;
mod attach;
mod cli;
mod clock;
mod conf;
mod die;
mod fault;
mod guest;
mod invent;
mod job;
mod ledger;
mod mounts;
mod node;
mod pct;
mod process;
mod pveam;
mod pvesh;
mod pvesm;
mod qm;
mod run;
mod running;
mod schema;
mod settings;
mod sha1;
mod storage;
mod strike;
mod vmlist;
mod worker;
mod world;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::die::Outcome;
use crate::ledger::Event;
use crate::node::Node;
use crate::run::Run;
use crate::settings::Settings as NodeSettings;

pub use crate::admin::{administer, usage as admin_usage};
pub use crate::fault::{Fault, What, When, add_fault};
pub use crate::ledger::{Entry, Event as LedgerEvent, ledger};
pub use crate::settings::{Dhcp, Settings, StorageSetting};
pub use crate::world::{Broken, World, init};

/// The environment variable that names the folder, for programs that are found by the search path.
pub const VARIABLE: &str = "PHOENIX_FAKE_PVE";

/// Says whether this command line is one of the programs of a made-up node, or of their workers.
pub fn is_called(argv: &[OsString]) -> bool {
    let name = argv.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    let word = argv.get(1).map(|word| word.to_string_lossy()).unwrap_or_default();
    let own: [&str; 5] =
        [worker::SESSION, worker::TASK, attach::ENTER, strike::UNLOCK, qm::life::MACHINE];
    PROGRAMS.iter().any(|program| *program == name) || own.contains(&&*word)
}

/// Does what the program of this name does.
pub fn main(argv: Vec<OsString>) -> ExitCode {
    ExitCode::from(dispatch(argv))
}

fn dispatch(argv: Vec<OsString>) -> u8 {
    let mut argv = argv.into_iter();
    let started_as = argv.next().unwrap_or_default();
    let words: Vec<String> = argv.map(|word| word.to_string_lossy().into_owned()).collect();
    if let (Some(first), Some(orders)) = (words.first(), words.get(1)) {
        let told = match first.as_str() {
            worker::SESSION => Some(worker::leave(orders).map(|()| 0)),
            worker::TASK => Some(worker::toil(orders).map(|()| 0)),
            attach::ENTER => Some(attach::enter(orders)),
            qm::life::MACHINE => Some(qm::life::be(orders)),
            strike::UNLOCK => Some(strike::unlock(orders).map(|()| 0)),
            _ => None,
        };
        if let Some(told) = told {
            return ended(told);
        }
    }
    let name =
        Path::new(&started_as).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !PROGRAMS.contains(&name.as_str()) {
        return admin::main(&words);
    }
    #[expect(clippy::disallowed_methods, reason = "this is where the programs of the double begin")]
    let variable = std::env::var_os(VARIABLE);
    let Some(node) = attach::world_of(&started_as, variable) else {
        say::err(&format!(
            "{name}: this is a test double, and there is no node: start it through DIR/usr/sbin/{name} \
             of a folder made with `fake-pve init DIR`, or set {VARIABLE}=DIR\n"
        ));
        return 70;
    };
    ended(serve(node, &name, &words))
}

fn ended(told: Outcome<u8>) -> u8 {
    told.unwrap_or_else(|die| {
        say::err(&die.text());
        die.exit()
    })
}

/// The names the program is started under.
pub(crate) const PROGRAMS: [&str; 8] =
    ["pct", "qm", "pvesm", "pvesh", "pveam", "lxc-attach", "apparmor_parser", "umount"];

fn serve(node: Node, program: &str, words: &[String]) -> Outcome<u8> {
    ledger::note(&node, Event::Begun, program, words, None);
    let settings: NodeSettings = node.read_json("settings.json")?.unwrap_or_default();
    vmlist::refresh(&node)?;
    let run = Run::new(node, settings, program);
    let exit = strike::carry_out(&run, words, || match program {
        "pct" => pct::PCT.main(&run, words),
        "qm" => qm::QM.main(&run, words),
        "pvesm" => pvesm::PVESM.main(&run, words),
        "pveam" => pveam::PVEAM.main(&run, words),
        "pvesh" => pvesh::main(&run, words),
        "lxc-attach" => attach::main(&run, words),
        "umount" => apparmor::umount(&run, words),
        _ => apparmor::main(&run, words),
    })?;
    ledger::note(&run.node, Event::Ended, program, words, Some(exit));
    Ok(exit)
}
