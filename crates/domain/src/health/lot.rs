//! Chance that is the same wherever it is drawn: two monitors that know the same decide the same.

use std::fmt::Display;

use sha2::{Digest, Sha256};

/// A number that looks drawn, and follows from what it was drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lot(u64);

/// Letters and digits that are not mistaken for each other.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Lot {
    /// Draws it for these.
    pub(super) fn of_these(these: &[&dyn Display]) -> Self {
        let mut hash = Sha256::new();
        for this in these {
            hash.update(this.to_string());
            hash.update([0]);
        }
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(u64::from_le_bytes(first))
    }

    /// Draws another one.
    pub(super) fn with(self, salt: u64) -> Self {
        // The finaliser of splitmix64: neighbours come out unlike each other.
        let mut bits =
            self.0.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(bits ^ (bits >> 31))
    }

    /// Returns a number below this one.
    pub(super) fn of(self, below: u32) -> u32 {
        u32::try_from(self.0 % u64::from(below.max(1))).unwrap_or(0)
    }

    /// Returns so many letters and digits.
    pub(super) fn letters(self, count: usize) -> String {
        (0..count)
            .map(|place| (self.0 >> (5 * place)) & 31)
            .filter_map(|index| LETTERS.get(usize::try_from(index).unwrap_or(0)))
            .map(|letter| char::from(*letter))
            .collect()
    }
}
