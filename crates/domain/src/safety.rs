//! How a guest is deployed so that it can go back to what it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    GuestKey, GuestSpec, Phase, Record, RunId, SnapshotName, SpecDigest, SpecText, Step, steps,
};

/// How much of a run's name goes into the name of its snapshot, which may have forty letters.
const LETTERS: usize = 24;

/// A deployment that goes back where it fails, or that has gone back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// What the guest was is kept until the new has held for a while.
    Guarded {
        /// In this snapshot.
        snapshot: SnapshotName,
        /// How long it has to stay healthy, in seconds.
        hold_s: u32,
        /// What it was.
        back: Box<Back>,
    },
    /// It was given up, and goes back to what it was, or is that again.
    Returned {
        /// From this snapshot.
        snapshot: SnapshotName,
        /// Why.
        why: String,
        /// The letter that has the story.
        letter: u64,
    },
}

/// What a guest was when it last was complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Back {
    /// The digest of its spec.
    pub digest: SpecDigest,
    /// What it stood on.
    pub stands_on: Vec<GuestKey>,
    /// Its spec.
    pub spec: SpecText,
}

/// Why there is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWayBack {
    /// Others are cloned from it.
    Parent,
    /// It is a virtual machine.
    Machine,
    /// Its volumes would go back with it.
    Volumes,
    /// A disk grows.
    Growth,
}

impl Safety {
    /// Returns how a guest is deployed in this run so that it can go back; nothing where there is
    /// nothing to go back to.
    pub fn guard(before: Option<&Record>, run: &RunId, hold_s: u32) -> Option<Self> {
        let before = before?;
        if let (Some(Self::Guarded { snapshot, back, .. }), false) =
            (&before.desired.safety, before.is_complete())
        {
            // Half of that was done, and its way back is still the one there is.
            return Some(Self::Guarded { snapshot: snapshot.clone(), hold_s, back: back.clone() });
        }
        let desired = &before.desired;
        let is_whole = before.is_complete()
            && before.work.phase == Phase::Completed
            && desired.goal.leaves_a_guest();
        let back = Back {
            digest: desired.digest.clone(),
            stands_on: desired.stands_on.clone(),
            spec: desired.spec.clone(),
        };
        let snapshot = snapshot_of(run)?;
        is_whole.then(|| Self::Guarded { snapshot, hold_s, back: Box::new(back) })
    }

    /// Returns how long the guest has to stay healthy, where it is not known yet whether it does.
    pub fn hold_s(&self) -> Option<u32> {
        match self {
            Self::Guarded { hold_s, .. } => Some(*hold_s),
            Self::Returned { .. } => None,
        }
    }

    /// Puts what it takes around the steps that make the guest what its spec says.
    pub fn around(&self, want: &GuestSpec, way: Vec<Box<dyn Step>>) -> Vec<Box<dyn Step>> {
        match self {
            Self::Guarded { snapshot, hold_s, .. } => steps::guarded(want, snapshot, *hold_s, way),
            Self::Returned { snapshot, .. } => {
                std::iter::once(steps::returning(snapshot)).chain(way).collect()
            }
        }
    }
}

/// Returns the name of the snapshot that is taken in a run.
fn snapshot_of(run: &RunId) -> Option<SnapshotName> {
    let letters = run.as_str().trim_start_matches("r-").chars();
    let letters: String = letters.filter(char::is_ascii_alphanumeric).take(LETTERS).collect();
    format!("before-{}", letters.to_ascii_lowercase()).parse().ok()
}

impl NoWayBack {
    /// Returns what can be done about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Parent => "submit it without --safely: its clones keep what they were made of",
            Self::Machine | Self::Volumes => {
                "back up what it stores, and submit it without --safely"
            }
            Self::Growth => "submit the larger disk first and by itself, without --safely",
        }
    }
}

impl fmt::Display for NoWayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parent => "others are cloned from it",
            Self::Machine => "the snapshot of a virtual machine holds all its disks, what it stores included",
            Self::Volumes => "this host takes snapshots of a guest with its volumes, and what they store would go back as well",
            Self::Growth => "a disk that has grown does not shrink again",
        })
    }
}
