//! A quick look over much text for places worth a slow one.

use std::sync::LazyLock;

/// Beginnings of whatever gives a secret away, in lower case. None is shorter than three bytes.
const NEEDLES: &[&str] = &[
    "pass",
    "pwd",
    "_pw",
    "-pw",
    "rootpw",
    "token",
    "secret",
    "key",
    "credential",
    "bearer",
    "authorization",
    "hf_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_",
    "xoxb-",
    "xoxp-",
    "akia",
    "asia",
    "aiza",
    "dckr_pat_",
    "whsec_",
    "hvs.",
    "npm_",
    "nvapi-",
    "ptr_",
    "tskey-",
    "age-secret",
    "$1$",
    "$5$",
    "$6$",
    "$y$",
    "$2a$",
    "$2b$",
    "$2y$",
    "$argon2",
    "eyj",
    "-----begin",
    "://",
    "-u ",
];

/// A needle that has a pair of bytes in it, and how many bytes before that pair it begins.
type Candidate = (&'static str, usize);

/// For each pair of bytes which of the lists of candidates it is worth looking at.
struct Pairs {
    lists: Vec<Vec<Candidate>>,
    list_of: Vec<u8>,
}

static PAIRS: LazyLock<Pairs> = LazyLock::new(Pairs::new);

impl Pairs {
    fn new() -> Self {
        let mut pairs = Self { lists: vec![Vec::new()], list_of: vec![0; 1 << 16] };
        for needle in NEEDLES {
            // Of two neighbouring pairs of a needle one lies at an even place of the text.
            for (before, pair) in needle.as_bytes().windows(2).take(2).enumerate() {
                for pair in in_every_case(pair) {
                    pairs.add(pair, (needle, before));
                }
            }
        }
        pairs
    }

    fn add(&mut self, pair: [u8; 2], candidate: Candidate) {
        let Some(list) = self.list_of.get_mut(usize::from(u16::from_le_bytes(pair))) else {
            return;
        };
        if *list == 0 {
            // Fewer than 46 needles with two pairs each in at most four cases, of which two.
            *list = u8::try_from(self.lists.len()).unwrap_or(0);
            self.lists.push(Vec::new());
        }
        if let Some(list) = self.lists.get_mut(usize::from(*list)) {
            list.push(candidate);
        }
    }
}

fn in_every_case(pair: &[u8]) -> Vec<[u8; 2]> {
    let [a, b] = pair else { return Vec::new() };
    let mut pairs = Vec::new();
    for a in [a.to_ascii_lowercase(), a.to_ascii_uppercase()] {
        for b in [b.to_ascii_lowercase(), b.to_ascii_uppercase()] {
            if !pairs.contains(&[a, b]) {
                pairs.push([a, b]);
            }
        }
    }
    pairs
}

/// Returns where a text has something in it that may give a secret away, in order.
pub(crate) fn telltales(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    let pairs = &*PAIRS;
    bytes.chunks_exact(2).enumerate().filter_map(move |(nth, pair)| {
        let pair = <[u8; 2]>::try_from(pair).unwrap_or_default();
        let list = *pairs.list_of.get(usize::from(u16::from_le_bytes(pair)))?;
        if list == 0 {
            return None;
        }
        let candidates = pairs.lists.get(usize::from(list))?;
        candidates.iter().find_map(|(needle, before)| {
            let start = (nth * 2).checked_sub(*before)?;
            let there = bytes.get(start..start + needle.len())?;
            there.eq_ignore_ascii_case(needle.as_bytes()).then_some(start)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_needle_is_found_at_even_and_at_odd_places_in_either_case() {
        for needle in NEEDLES {
            for before in ["", "x", "xy"] {
                for needle in [(*needle).to_owned(), needle.to_uppercase()] {
                    let text = format!("{before}{needle}.");
                    assert_eq!(telltales(&text).next(), Some(before.len()), "{text}");
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
        let guest = r#"{"name": "qdrant", "memory_mb": 2048, "ports": ["6333:6333"], "x": "ä"}"#;
        assert_eq!(telltales(guest).count(), 0);
    }
}
