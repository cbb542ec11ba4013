//! The SHA-1 of a text: what Proxmox calls the digest of a configuration.

use crate::say;

/// Returns the digest in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        state = mix(state, block);
    }
    let bytes: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    say::hex(&bytes)
}

#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
fn mix(state: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut words: Vec<u32> = block
        .chunks_exact(4)
        .map(|four| four.iter().fold(0, |word, &byte| word << 8 | u32::from(byte)))
        .collect();
    for at in 16..80 {
        let earlier = |back: usize| words.get(at - back).copied().unwrap_or(0);
        let word = (earlier(3) ^ earlier(8) ^ earlier(14) ^ earlier(16)).rotate_left(1);
        words.push(word);
    }
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for (at, &word) in words.iter().enumerate() {
        let (f, k) = match at / 20 {
            0 => ((b & c) | (!b & d), 0x5A82_7999),
            1 => (b ^ c ^ d, 0x6ED9_EBA1),
            2 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC),
            _ => (b ^ c ^ d, 0xCA62_C1D6),
        };
        let next =
            a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    let [h0, h1, h2, h3, h4] = state;
    [
        h0.wrapping_add(a),
        h1.wrapping_add(b),
        h2.wrapping_add(c),
        h3.wrapping_add(d),
        h4.wrapping_add(e),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_digest_is_the_known_one() {
        assert_eq!(super::hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(super::hex(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }
}
