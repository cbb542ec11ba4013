//! How guests go back that fail.

use phoenix_domain::Vmid;
use serde::{Deserialize, Serialize};

use crate::wrong::{WrongField, note};

/// How long a guest may have to stay healthy, in seconds.
const LONGEST_HOLD: u32 = 24 * 3600;

/// How guests go back that fail, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawSafely {
    /// How long each has to stay healthy.
    pub hold_seconds: u32,
    /// The guest that tries it first, where it is changed at all.
    #[serde(default)]
    pub canary: Option<u64>,
}

/// How guests go back that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Safely {
    /// How long each has to stay healthy, in seconds.
    pub hold_s: u32,
    /// The guest that tries it first, where it is changed at all.
    pub canary: Option<Vmid>,
}

impl Safely {
    /// Reads it, or says everything that is wrong with it.
    pub fn read(raw: &RawSafely) -> Result<Self, Vec<WrongField>> {
        let mut wrong = Vec::new();
        if !(1..=LONGEST_HOLD).contains(&raw.hold_seconds) {
            let rule = "a guest stays healthy for 1 to 86400 seconds";
            wrong.push(WrongField::new("hold_seconds", &raw.hold_seconds.to_string(), rule));
        }
        let canary =
            raw.canary.and_then(|number| note(&mut wrong, "canary", Vmid::try_from(number)));
        if wrong.is_empty() { Ok(Self { hold_s: raw.hold_seconds, canary }) } else { Err(wrong) }
    }
}
