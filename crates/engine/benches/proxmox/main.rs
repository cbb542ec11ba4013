//! How fast guests get through a made-up Proxmox node that is as slow as a real one was.
//!
//! `cargo xtask bench proxmox` builds everything and runs this. The programs of the node sleep as
//! long as the real ones took, so what is measured is how many of them are started, and what is
//! waited for. The ratios of one run count: a machine that is busy is slow for all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

mod commands;
mod peers;
mod scenes;
mod site;

use std::path::PathBuf;

use phoenix_testkit::samples::Samples;

use self::peers::Peer;
use self::scenes::Scenes;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_short = match words.first().map(String::as_str) {
        Some("short") => true,
        Some("full") => false,
        Some(_) | None => {
            println!("usage: proxmox full|short [shell] [ansible=ANSIBLE-PLAYBOOK] [samples=FILE]");
            return;
        }
    };
    let peers = words.iter().skip(1).filter_map(|word| match word.split_once('=') {
        Some(("samples", _)) => None,
        Some(("ansible", program)) => Some(Peer::Ansible(PathBuf::from(program))),
        Some(_) | None if word == "shell" => Some(Peer::Shell),
        Some(_) | None => panic!("`{word}` is no peer"),
    });
    let scenes = Scenes { is_short, peers: peers.collect(), samples: Samples::of(&words) };
    // As a worker does it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(scenes.play());
}
