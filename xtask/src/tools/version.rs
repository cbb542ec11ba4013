//! The version a program says it has.

/// Numbers that compare one by one: `1.10` is newer than `1.9`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(Vec<u64>);

impl Version {
    /// Returns the first thing in `text` that looks like a version: numbers with a dot between.
    pub(super) fn within(text: &str) -> Option<Self> {
        text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.contains('.'))
            .find_map(|word| word.split('.').map(|number| number.parse().ok()).collect())
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_a_program_prints() {
        for (said, numbers) in [
            ("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 1.2.3", vec![0, 9, 143]),
            ("nats-server: v2.15.1", vec![2, 15, 1]),
            ("ShellCheck - shell script analysis tool\nversion: 0.9.0\n", vec![0, 9, 0]),
            ("c++ (Debian 12.2.0-14+deb12u1) 12.2.0", vec![12, 2, 0]),
            ("time (GNU Time) UNKNOWN\n Copyright (C) 2018. Written by 1.9", vec![1, 9]),
        ] {
            assert_eq!(Version::within(said), Some(Version(numbers)), "{said}");
        }
        assert_eq!(Version::within("no such command: `nextest`"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version::within("0.9.143") > Version::within("0.9.99"));
        assert!(Version::within("1.10") > Version::within("1.9.9"));
        assert!(Version::within("1.0") < Version::within("1.0.1"));
    }
}
