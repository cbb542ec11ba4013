//! A quick look over much text for places worth a slow one.

use std::sync::LazyLock;

/// Parts of whatever gives a secret away, in lower case. None is shorter than three bytes.
///
/// There is no `key` among them but what stands before one: `keyctl` is in every other guest.
#[rustfmt::skip]
const NEEDLES: &[&str] = &[
    "pass", "pwd", "_pw", "-pw", ".pw", " pw", "pw\"", "token", "secret", "credential", "bearer",
    "authorization", "_key", "-key", ".key", " key", "dkey", "ekey", "gkey", "hkey", "ikey", "nkey",
    "rkey", "skey", "tkey", "hf_", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "sk-",
    "sk_", "xoxb-", "xoxp-", "akia", "asia", "aiza", "dckr_pat_", "whsec_", "hvs.", "npm_",
    "nvapi-", "ptr_", "tskey-", "age-secret", "$1$", "$5$", "$6$", "$y$", "$2a$", "$2b$", "$2y$",
    "$argon2", "eyj", "-----begin", ADDRESS, "-u ", "--user",
];

/// Most addresses are harmless: only one with a user in it is worth a look.
const ADDRESS: &str = "://";

/// What every guest has in it. Pairs of bytes that stand here are no good for looking by.
const USUAL: &str = r#"
            "name": "qdrant-vscode", "memory_mb": 2048, "cores": 2, "start_at_boot": true,
            "storage_pool": "quickOS-lxc-disks", "storage_size_gb": 32, "boot_order": 3,
            "network_config": { "name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.152/24" },
            "mac_address": "52:54:00:00:00:b2", "gpu_assignment": "none", "boot_delay": 5,
            "unprivileged": true, "portainer_role": "none", "clone_from_ctid": "902",
            "features": ["base_setup"], "application_script": "phoenix_hypervisor_lxc_952.sh",
            "pct_options": ["keyctl=1", "nesting=1"], "dependencies": ["953"],
            "apparmor_profile": "unconfined", "apparmor_manages_nesting": false,
            "firewall": { "enabled": true, "rules": [{ "type": "in", "action": "ACCEPT",
            "source": "10.0.0.153", "proto": "tcp", "port": "6333" }] },
            "health_check": { "command": "curl -s --fail http://localhost:6333", "retries": 5 },
            "volumes": [{ "name": "data", "pool": "fastData", "size_gb": 20,
            "mount_point": "/data" }], "template_snapshot_name": "pre-configured"
"#;

/// A needle, and how many bytes of it stand before the pair it is looked for by.
type Candidate = (&'static str, usize);

/// The needles by pairs of their bytes.
struct Pairs {
    lists: Vec<Vec<Candidate>>,
    /// For each pair which of the lists it is, or 0.
    list_of: Vec<u8>,
}

static PAIRS: LazyLock<Pairs> = LazyLock::new(Pairs::new);

impl Pairs {
    fn new() -> Self {
        let mut count = vec![0_u32; 1 << 16];
        for pair in USUAL.as_bytes().windows(2) {
            if let Some(count) = count.get_mut(without_case(pair)) {
                *count += 1;
            }
        }
        let count = |pair: &[u8]| count.get(without_case(pair)).copied().unwrap_or(0);
        let mut pairs = Self { lists: vec![Vec::new()], list_of: vec![0; 1 << 16] };
        for needle in NEEDLES {
            // Of two neighbouring pairs one lies at an even place of the text.
            let neighbours = needle.as_bytes().windows(3).enumerate();
            let rarest =
                neighbours.min_by_key(|(_, three)| three.windows(2).map(count).sum::<u32>());
            let Some((before, three)) = rarest else { continue };
            for (further, pair) in three.windows(2).enumerate() {
                pairs.add(pair, (needle, before + further));
            }
        }
        pairs
    }

    fn add(&mut self, pair: &[u8], candidate: Candidate) {
        let Some(list) = self.list_of.get_mut(without_case(pair)) else { return };
        if *list == 0 {
            *list = u8::try_from(self.lists.len()).unwrap_or(0);
            self.lists.push(Vec::new());
        }
        if let Some(list) = self.lists.get_mut(usize::from(*list)) {
            list.push(candidate);
        }
    }
}

impl Pairs {
    /// Returns where a needle of a list begins that has its pair at an offset.
    fn needle_at(&self, list: u8, bytes: &[u8], at: usize) -> Option<usize> {
        self.lists.get(usize::from(list))?.iter().find_map(|(needle, before)| {
            let start = at.checked_sub(*before)?;
            let there = bytes.get(start..start + needle.len())?;
            let is_there = there.eq_ignore_ascii_case(needle.as_bytes())
                && (*needle != ADDRESS || names_a_user(bytes, start));
            is_there.then_some(start)
        })
    }
}

/// Returns a number for a pair of bytes that is the same for letters of either case.
fn without_case(pair: &[u8]) -> usize {
    match pair {
        [a, b] => usize::from(u16::from_le_bytes([*a, *b]) | 0x2020),
        _ => 0,
    }
}

/// Calls `found` with each place of a text that may give a secret away, nearly in order.
pub(crate) fn each_telltale(bytes: &[u8], mut found: impl FnMut(usize)) {
    let pairs = &*PAIRS;
    // A loop, and no iterator: the call for each pair of a large file cost more than the look.
    for (nth, pair) in bytes.chunks_exact(2).enumerate() {
        let list = pairs.list_of.get(without_case(pair)).copied().unwrap_or(0);
        if list != 0
            && let Some(at) = pairs.needle_at(list, bytes, nth * 2)
        {
            found(at);
        }
    }
}

/// Says whether the address whose `://` stands at an offset has a user before its host.
fn names_a_user(bytes: &[u8], at: usize) -> bool {
    let authority = bytes.get(at + ADDRESS.len()..).unwrap_or_default();
    authority.iter().take_while(|byte| !b"/\" \n".contains(byte)).any(|byte| *byte == b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_telltale(text: &str) -> bool {
        let mut is_found = false;
        each_telltale(text.as_bytes(), |_| is_found = true);
        is_found
    }

    #[test]
    fn every_needle_is_found_in_either_case() {
        for needle in NEEDLES {
            for before in ["", "x", "xy"] {
                for needle in [(*needle).to_owned(), needle.to_uppercase()] {
                    let text = format!("{before}{needle}a:b@c");
                    assert!(has_telltale(&text), "{text}");
                }
            }
        }
    }

    #[test]
    fn the_lists_can_be_counted_in_a_byte() {
        assert!(PAIRS.lists.len() <= 256);
    }

    #[test]
    fn a_guest_without_secrets_has_nothing_in_it() {
        let guest = r#"{"name": "qdrant", "memory_mb": 2048, "ports": ["6333:6333"], "x": "ä",
            "pct_options": ["keyctl=1"], "health_check": { "command": "curl http://localhost/" }}"#;
        assert!(!has_telltale(guest));
    }
}
