//! How long a service may take to come up: what is known of its kind, and what it took before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Ask, Probe};

/// How many of its own starts are remembered.
const REMEMBERED: usize = 10;

/// While something stirs within this time, a start is not stuck.
const STIR: TimeDelta = TimeDelta::minutes(5);

/// How long the last starts took, in seconds, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Starts(Vec<u32>);

/// A start that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    /// When it began.
    pub(super) began: DateTime<Utc>,
    /// When something was last seen to move.
    pub(super) stirred: Option<DateTime<Utc>>,
}

impl Starts {
    /// Remembers one more.
    pub(super) fn took(&mut self, time: TimeDelta) {
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(u32::try_from(time.num_seconds()).unwrap_or(0));
    }

    /// Returns how long the next one may take: what was asked for or what its kind needs, or three
    /// times what nineteen of twenty of its own took, where that is longer.
    pub fn deadline(&self, probe: &Probe) -> TimeDelta {
        let given = probe.start_deadline.unwrap_or_else(|| usual(&probe.ask));
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * 95).div_ceil(100);
        let slow = rank.checked_sub(1).and_then(|index| sorted.get(index)).copied().unwrap_or(0);
        TimeDelta::seconds(i64::from(given).max(3 * i64::from(slow)))
    }
}

impl Start {
    /// Begins one.
    pub(super) fn at(began: DateTime<Utc>) -> Self {
        Self { began, stirred: None }
    }

    /// Returns when it is over at the latest, as far as can be told now: its deadline, or twice that
    /// while something still moves.
    pub(super) fn until(&self, deadline: TimeDelta) -> DateTime<Utc> {
        let end = self.began + deadline;
        match self.stirred {
            Some(stirred) => end.max(stirred + STIR).min(end + deadline),
            None => end,
        }
    }
}

/// Returns how many seconds a service of this kind needs.
fn usual(ask: &Ask) -> u32 {
    match ask {
        Ask::Vllm { .. } => 20 * 60,
        // They read whatever they hold before they listen or serve, and begin anew when that is cut short.
        Ask::Qdrant { .. } | Ask::LlamaCpp { .. } | Ask::Postgresql { .. } | Ask::Redis { .. } => {
            10 * 60
        }
        Ask::Ollama { .. } => 60,
        Ask::Http { .. }
        | Ask::Tcp { .. }
        | Ask::Nginx { .. }
        | Ask::Docker { .. }
        | Ask::Inside => 2 * 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(start_deadline: Option<u32>) -> Probe {
        Probe { start_deadline, ..Probe::new("web", Ask::Tcp { port: 80 }) }
    }

    #[test]
    fn a_service_may_take_three_times_what_it_took_before_and_never_less_than_was_given() {
        let mut starts = Starts::default();
        assert_eq!(starts.deadline(&probe(None)), TimeDelta::seconds(120));
        assert_eq!(starts.deadline(&probe(Some(600))), TimeDelta::seconds(600));
        starts.took(TimeDelta::seconds(10));
        assert_eq!(starts.deadline(&probe(None)), TimeDelta::seconds(120));
        starts.took(TimeDelta::seconds(300));
        assert_eq!(starts.deadline(&probe(None)), TimeDelta::seconds(900));
        for _ in 0..10 {
            starts.took(TimeDelta::seconds(50));
        }
        assert_eq!(starts.deadline(&probe(None)), TimeDelta::seconds(150), "the last ten count");
    }

    #[test]
    fn a_start_that_moves_is_given_twice_its_time_and_no_more() {
        let (began, deadline) = (DateTime::UNIX_EPOCH, TimeDelta::minutes(20));
        let until = |stirred: Option<i64>| {
            let stirred = stirred.map(|minutes| began + TimeDelta::minutes(minutes));
            (Start { began, stirred }.until(deadline) - began).num_minutes()
        };
        assert_eq!(until(None), 20);
        assert_eq!(until(Some(10)), 20);
        assert_eq!(until(Some(19)), 24);
        assert_eq!(until(Some(39)), 40);
    }
}
