//! What several tell, in the order of time as far as it is past, and then as it comes.

use chrono::{DateTime, Utc};

/// One of those who tell.
#[derive(Debug)]
pub(super) struct Side<T> {
    /// What it told, and nobody was told yet.
    waiting: Option<(DateTime<Utc>, T)>,
    /// Whether it has told all that is past, or is not asked.
    is_live: bool,
}

/// Two who tell.
#[derive(Debug)]
pub(super) struct Merge<T> {
    pub(super) guests: Side<T>,
    pub(super) health: Side<T>,
}

impl<T> Side<T> {
    /// Takes one that is asked, or not.
    pub(super) fn new(is_asked: bool) -> Self {
        Self { waiting: None, is_live: !is_asked }
    }

    /// Says whether it may tell more: not before what it told last was passed on.
    pub(super) fn is_free(&self) -> bool {
        self.waiting.is_none()
    }

    /// Takes what it tells.
    pub(super) fn take(&mut self, time: DateTime<Utc>, told: T) {
        self.waiting = Some((time, told));
    }

    /// Takes that nothing is left of what is past.
    pub(super) fn caught_up(&mut self) {
        self.is_live = true;
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        self.waiting.as_ref().map(|(time, _)| *time)
    }

    /// Says whether nothing that is earlier can come from it any more.
    fn is_behind(&self, time: DateTime<Utc>) -> bool {
        self.time().map_or(self.is_live, |own| own >= time)
    }
}

impl<T> Merge<T> {
    /// Returns what comes next, once that is certain.
    pub(super) fn next(&mut self) -> Option<(DateTime<Utc>, T)> {
        let (guests, health) = (&mut self.guests, &mut self.health);
        if guests.time().is_some_and(|time| health.is_behind(time)) {
            return guests.waiting.take();
        }
        if health.time().is_some_and(|time| guests.is_behind(time)) {
            return health.waiting.take();
        }
        None
    }

    /// Says whether all that is past was told.
    pub(super) fn is_live(&self) -> bool {
        let is_done = |side: &Side<T>| side.is_live && side.waiting.is_none();
        is_done(&self.guests) && is_done(&self.health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Merges what both tell, one after the other, and says in which order it came out.
    fn merged(mut guests: Vec<i64>, mut health: Vec<i64>) -> Vec<String> {
        let mut merge = Merge { guests: Side::new(true), health: Side::new(true) };
        let mut told = Vec::new();
        let tell = |side: &mut Side<String>, left: &mut Vec<i64>, name: &str| {
            if side.is_free() && !side.is_live {
                if left.is_empty() {
                    side.caught_up();
                } else {
                    let second = left.remove(0);
                    side.take(at(second), format!("{name}{second}"));
                }
            }
        };
        while !merge.is_live() {
            tell(&mut merge.guests, &mut guests, "g");
            while let Some((_, one)) = merge.next() {
                told.push(one);
            }
            tell(&mut merge.health, &mut health, "h");
            while let Some((_, one)) = merge.next() {
                told.push(one);
            }
        }
        told
    }

    #[test]
    fn what_is_past_is_told_in_the_order_of_time() {
        assert_eq!(merged(vec![1, 4, 5], vec![2, 3, 9]), ["g1", "h2", "h3", "g4", "g5", "h9"]);
        assert_eq!(merged(vec![7], vec![]), ["g7"]);
        assert_eq!(merged(vec![], vec![1, 2]), ["h1", "h2"]);
        assert_eq!(merged(vec![3], vec![3]), ["g3", "h3"]);
    }

    #[test]
    fn nobody_waits_for_who_is_silent_once_the_past_is_told() {
        let mut merge = Merge { guests: Side::new(true), health: Side::new(false) };
        merge.guests.take(at(5), "said");
        assert_eq!(merge.next(), Some((at(5), "said")));
        assert!(!merge.is_live(), "the other one may still have something of the past");
    }
}
