//! The number of a guest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Refused;

/// The number of a guest. Containers and virtual machines share one space of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "u64", into = "u32")]
pub struct Vmid(u32);

impl Vmid {
    /// The smallest number Proxmox gives to a guest.
    pub const MIN: u32 = 100;
    /// The largest number Proxmox gives to a guest.
    pub const MAX: u32 = 999_999_999;

    /// How many guests that had one number can stand beside it.
    const BESIDE: u64 = 1000;

    /// Returns the numbers for guests that had this one and were set aside, those first that are taken
    /// first: 950000 and up for 950. There are none where they would be larger than any number.
    pub fn beside(self) -> impl Iterator<Item = Self> {
        let first = u64::from(self.0) * Self::BESIDE;
        (first..first + Self::BESIDE).map_while(|number| Self::try_from(number).ok())
    }

    /// Says whether a number is one of those.
    pub fn has_beside(self, there: Self) -> bool {
        u64::from(there.0) / Self::BESIDE == u64::from(self.0)
    }

    /// Returns the number itself.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for Vmid {
    type Error = Refused;

    fn try_from(number: u64) -> Result<Self, Refused> {
        match u32::try_from(number) {
            Ok(small) if (Self::MIN..=Self::MAX).contains(&small) => Ok(Self(small)),
            Ok(_) | Err(_) => Err(refused(number.to_string())),
        }
    }
}

impl FromStr for Vmid {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        // `u64::from_str` would take "+950" as well; a leading zero names another file.
        if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(text));
        }
        text.parse::<u64>().map_err(|_| refused(text)).and_then(Self::try_from)
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> Self {
        vmid.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn refused(value: impl Into<String>) -> Refused {
    Refused::new(value, "a guest id", "a guest id is a whole number from 100 to 999999999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_proxmox_takes_are_ids() {
        for good in ["100", "950", "999999999"] {
            assert_eq!(good.parse::<Vmid>().unwrap().to_string(), good);
        }
        let beside = |text: &str| text.parse::<Vmid>().unwrap().beside().map(Vmid::number);
        assert_eq!(beside("950").next(), Some(950_000));
        assert_eq!((beside("950").count(), beside("950").last()), (1000, Some(950_999)));
        assert_eq!(beside("1000000").next(), None);
        let ours: Vmid = "950".parse().unwrap();
        assert!(ours.beside().all(|there| ours.has_beside(there)) && !ours.has_beside(ours));
        for bad in [
            "",
            "99",
            "0950",
            "+950",
            "-1",
            "1e3",
            "950 ",
            "abc",
            "1000000000",
            "9".repeat(40).as_str(),
        ] {
            assert!(bad.parse::<Vmid>().is_err(), "{bad}");
        }
    }
}
