//! What Proxmox takes from chance.

use std::fs::File;
use std::io::Read as _;

use crate::say;

/// Returns so many random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Ok(mut random) = File::open("/dev/urandom") {
        random.read_exact(&mut bytes).ok();
    }
    bytes
}

/// Returns a MAC address of the kind Proxmox gives.
pub(crate) fn mac() -> String {
    let [a, b, c] = bytes();
    format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
}

pub(crate) fn uuid() -> String {
    let hex = say::hex(&bytes::<16>());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
