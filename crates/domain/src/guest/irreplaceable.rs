//! Which guests are never made again in place of what there is.

use std::fmt;

use super::{Body, GuestSpec};

/// Why a guest is never set aside and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irreplaceable {
    /// Its file does not say that nothing is lost by that.
    Undeclared,
    /// Others are cloned from it.
    Parent,
    /// It is a virtual machine.
    Machine,
}

impl GuestSpec {
    /// Returns what keeps it from being set aside and made again; nothing where that may be done.
    pub fn irreplaceable(&self) -> Option<Irreplaceable> {
        if let Body::Machine(_) = self.body {
            return Some(Irreplaceable::Machine);
        }
        if self.seal.is_some() {
            return Some(Irreplaceable::Parent);
        }
        (self.health.stateless != Some(true)).then_some(Irreplaceable::Undeclared)
    }
}

impl Irreplaceable {
    /// Returns what a human can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Undeclared => {
                "where nothing is lost by that, write `\"health\": {\"stateless\": true}` into its file and submit it; else `phoenix repair ID --rung guest` starts it anew"
            }
            Self::Parent => {
                "`phoenix repair ID --rung guest` starts it anew; to make it again, `phoenix delete` it with all that are cloned from it, and submit them"
            }
            Self::Machine => {
                "`phoenix repair ID --rung guest` starts it anew; `phoenix delete ID` and `phoenix submit ID` make it again"
            }
        }
    }
}

impl fmt::Display for Irreplaceable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Undeclared => "its file does not say that nothing is lost by that",
            Self::Parent => "others are cloned from it",
            Self::Machine => "it is a virtual machine, and those are not set aside",
        })
    }
}
