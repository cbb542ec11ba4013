//! Any text as what a Proxmox node has, or as what its programs say: the first letter says which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_hypervisor::proxmox::laws;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = str::from_utf8(input) {
        laws::read(text);
    }
});
