//! Remembers values for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

/// What is remembered of a secret.
#[derive(Debug)]
pub(super) enum Kept {
    /// It is used without asking.
    Fresh(SecretString),
    /// It is used where nobody can be asked.
    Stale(SecretString),
    /// Nothing, or what is too old for anything.
    Nothing,
}

/// Remembers values for a while. What is too old is wiped at the next occasion.
pub(super) struct Cache {
    expiry: Duration,
    grace: Duration,
    values: Mutex<HashMap<String, (SecretString, Instant)>>,
}

impl Cache {
    pub(super) fn new(expiry: Duration, grace: Duration) -> Self {
        Self { expiry, grace, values: Mutex::new(HashMap::new()) }
    }

    pub(super) fn kept(&self, name: &str, now: Instant) -> Kept {
        let mut values = self.sweep(now);
        let Some((value, since)) = values.get_mut(name) else { return Kept::Nothing };
        if now.saturating_duration_since(*since) < self.expiry {
            Kept::Fresh(value.clone())
        } else {
            Kept::Stale(value.clone())
        }
    }

    /// Remembers a value that was asked for at `since`.
    pub(super) fn keep(&self, name: &str, value: &SecretString, since: Instant) {
        self.sweep(since).insert(name.to_owned(), (value.clone(), since));
    }

    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn sweep(&self, now: Instant) -> MutexGuard<'_, HashMap<String, (SecretString, Instant)>> {
        let most = self.expiry.saturating_add(self.grace);
        let mut values = self.lock();
        values.retain(|_, (_, since)| now.saturating_duration_since(*since) < most);
        values
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (SecretString, Instant)>> {
        // A map is whole even if somebody panicked beside it.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> (Kept, usize) {
        let cache = Cache::new(Duration::from_mins(5), Duration::from_mins(1));
        let began = Instant::now();
        cache.keep("a", &SecretString::from("x"), began);
        let kept = cache.kept("a", began + Duration::from_secs(seconds));
        let left = cache.lock().len();
        (kept, left)
    }

    #[test]
    fn a_value_is_fresh_then_stale_then_gone_from_memory() {
        assert!(matches!(after(0), (Kept::Fresh(_), 1)));
        assert!(matches!(after(299), (Kept::Fresh(_), 1)));
        assert!(matches!(after(300), (Kept::Stale(_), 1)));
        assert!(matches!(after(359), (Kept::Stale(_), 1)));
        assert!(matches!(after(360), (Kept::Nothing, 0)));
    }
}
