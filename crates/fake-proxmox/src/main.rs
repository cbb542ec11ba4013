//! One binary that is each of the programs of a Proxmox node, by the name it is started under.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoenix_fake_proxmox::main(std::env::args_os().collect())
}
