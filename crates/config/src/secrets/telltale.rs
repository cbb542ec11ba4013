//! A quick look over much text for places worth a slow one.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Parts of whatever gives a secret away.
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

static TELLTALES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // As a table of all its states it is large to build and fastest to run, which pays.
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(NEEDLES).ok()
});

/// Calls `found` with each place of a text that may give a secret away, in order.
pub(crate) fn each_telltale(bytes: &[u8], mut found: impl FnMut(usize)) {
    // The needles are constants and fit into any table; there are none to find only if not.
    let Some(telltales) = &*TELLTALES else { return };
    for telltale in telltales.find_iter(bytes) {
        let is_address = bytes.get(telltale.range()) == Some(ADDRESS.as_bytes());
        if !is_address || names_a_user(bytes, telltale.start()) {
            found(telltale.start());
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
    fn a_guest_without_secrets_has_nothing_in_it() {
        let guest = r#"{"name": "qdrant", "memory_mb": 2048, "ports": ["6333:6333"], "x": "ä",
            "pct_options": ["keyctl=1"], "health_check": { "command": "curl http://localhost/" }}"#;
        assert!(!has_telltale(guest));
    }
}
