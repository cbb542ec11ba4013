//! Which of the host's GPUs a guest may use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Refused;

/// A set of GPUs of the host, by index: `none`, `0`, `0,1`, and with blanks as people write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GpuSet(Vec<u8>);

impl GpuSet {
    /// Returns the indices in rising order, each once.
    pub fn indices(&self) -> &[u8] {
        &self.0
    }

    /// Says whether no GPU is assigned.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for GpuSet {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed == "none" {
            return Ok(Self::default());
        }
        // "0 1" was written too, in the first files there were.
        let parts = if trimmed.contains(',') { trimmed.split(',') } else { trimmed.split(' ') };
        let mut indices = parts
            .map(str::trim)
            .map(|part| part.parse::<u8>().map_err(|_| refused(text)))
            .collect::<Result<Vec<_>, _>>()?;
        indices.sort_unstable();
        indices.dedup();
        Ok(Self(indices))
    }
}

impl TryFrom<String> for GpuSet {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<GpuSet> for String {
    fn from(gpus: GpuSet) -> Self {
        gpus.to_string()
    }
}

impl fmt::Display for GpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (nth, index) in self.0.iter().enumerate() {
            write!(f, "{}{index}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn refused(text: &str) -> Refused {
    Refused::new(text, "a set of GPUs", "GPUs are given by index: `none`, `0` or `0,1`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_same_set_is_the_same_set() {
        let both: GpuSet = "0,1".parse().unwrap();
        for spelling in ["0, 1", "1,0", " 0 ,1 ", "0,1,1", "0 1"] {
            assert_eq!(spelling.parse::<GpuSet>().unwrap(), both, "{spelling}");
        }
        assert!("none".parse::<GpuSet>().unwrap().is_empty());
        for bad in ["all", "0,,1", "-1", "0;1", "256"] {
            assert!(bad.parse::<GpuSet>().is_err(), "{bad}");
        }
    }
}
