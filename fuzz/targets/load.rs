//! Any bytes as one of the three files: the loader may refuse them, and may do nothing else.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use phoenix_config::{Library, Texts};

/// Read once: the features are no input.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    Library::built_in().expect("the manifests that came with the loader are right")
});

/// Small and valid, so that what is wrong is in the file the fuzzer made up.
const HYPERVISOR: &[u8] = include_bytes!("../minimal/hypervisor.json");
const LXC: &[u8] = include_bytes!("../minimal/lxc.json");
const VM: &[u8] = include_bytes!("../minimal/vm.json");

/// The first byte says which file the rest is; the letters make seeds a person can read and write.
fn texts(input: &[u8]) -> Option<Texts<'_>> {
    let texts = Texts { hypervisor: HYPERVISOR, lxc: LXC, vm: VM };
    let (which, text) = input.split_first()?;
    Some(match which {
        b'h' => Texts { hypervisor: text, ..texts },
        b'l' => Texts { lxc: text, ..texts },
        b'v' => Texts { vm: text, ..texts },
        _ => return None,
    })
}

fuzz_target!(|input: &[u8]| {
    if let Some(texts) = texts(input) {
        drop(phoenix_config::load_texts(&texts, &LIBRARY));
    }
});
