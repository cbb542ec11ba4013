//! What one reading says, seen with what is known of the process and of the work.

use super::reason::Weight;
use super::{Found, Process, Reading, Reason, Silence};

/// What one reading says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It serves.
    Good,
    /// It serves, and not as it should.
    Worse(Reason),
    /// It serves, and has not for so long that there is nothing to count.
    Strained(Reason),
    /// It is on its way up, as it says itself.
    Coming,
    /// Nobody listens, and its process is there or nobody knows: it may be on its way up.
    Dark,
    /// It does not serve.
    Bad(Reason),
    /// It does not serve, and has not for so long that there is nothing to count.
    Dead(Reason),
    /// Nothing is known.
    Blind(Reason),
}

/// What else is known when a reading comes in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Light {
    /// The process behind it, if that was seen lately.
    pub(super) process: Option<Process>,
    /// What is known of its process beyond that: it may be there, and end again and again.
    pub(super) ailment: Option<Reason>,
    /// Whether work was done since the reading before.
    pub(super) has_moved: bool,
    /// Whether there is work of which nothing has moved for long.
    pub(super) is_frozen: bool,
    /// Whether the queue has been long for long.
    pub(super) is_queued: bool,
    /// What is wrong with what it stands on.
    pub(super) shade: Option<Reason>,
}

impl Sign {
    /// Reads it. Whatever has done work is never failed, and whatever stands on something that is
    /// not well is not to blame.
    pub(super) fn of(reading: &Reading, light: Light) -> Self {
        let sign = Self::alone(reading, light);
        match sign {
            Self::Bad(reason) | Self::Dead(reason) if light.has_moved => Self::Worse(reason),
            Self::Dark if light.has_moved => Self::Good,
            Self::Bad(_) | Self::Dead(_) | Self::Dark => match light.shade {
                Some(reason) => Self::Blind(reason),
                None => sign,
            },
            Self::Good | Self::Worse(_) | Self::Strained(_) | Self::Coming | Self::Blind(_) => sign,
        }
    }

    fn alone(reading: &Reading, light: Light) -> Self {
        let serving = |sign| match (light.is_frozen, light.is_queued) {
            (true, _) => Self::Dead(Reason::Hung),
            (false, true) => Self::Strained(Reason::Saturated),
            (false, false) => sign,
        };
        if let (Found::Loading | Found::Silent(_), Some(ailment)) = (&reading.found, light.ailment)
        {
            return Self::Bad(ailment);
        }
        match reading.found {
            Found::Unasked(reason) => Self::Blind(reason),
            Found::Serving => serving(Self::Good),
            Found::Worse(reason) => serving(Self::Worse(reason)),
            Found::Loading => Self::Coming,
            Found::Failing(reason) => match reason.weight() {
                Weight::Mild => Self::Worse(reason),
                Weight::Blind => Self::Blind(reason),
                Weight::Excused | Weight::Plain if light.is_frozen => Self::Dead(Reason::Hung),
                Weight::Excused | Weight::Plain => Self::Bad(reason),
            },
            Found::Silent(silence) => match (light.process, silence) {
                (Some(Process::Gone | Process::Restarting { .. }), _) => Self::Bad(Reason::Exited),
                (Some(Process::GivenUp), _) => Self::Bad(Reason::CrashLoop),
                (Some(Process::Alive { .. }) | None, Silence::Refused) => Self::Dark,
                (Some(Process::Alive { .. }) | None, Silence::TimedOut | Silence::Broken) => {
                    if light.is_frozen {
                        Self::Dead(Reason::Hung)
                    } else if light.has_moved {
                        Self::Worse(Reason::Saturated)
                    } else {
                        Self::Bad(Reason::Unresponsive)
                    }
                }
            },
        }
    }
}
