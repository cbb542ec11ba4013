//! People who wait for the same thing, the most urgent first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Hand;

/// A thing that only so many can have at once.
#[derive(Debug)]
pub struct Line {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    arrived: u64,
    /// Those who wait: by urgency, then by when they came.
    waiting: BTreeMap<(usize, std::cmp::Reverse<u64>), oneshot::Sender<Place>>,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub struct Place {
    /// Nothing once it was passed on.
    line: Option<Arc<Line>>,
}

impl Line {
    /// Returns a line for what so many can have at once.
    pub fn new(slots: usize) -> Arc<Self> {
        let state = State { free: slots.max(1), arrived: 0, waiting: BTreeMap::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits until it is the turn of this hand: when somebody is done, whoever has the longest chain
    /// of guests waiting behind it is next, and of those who are alike, the first who came.
    pub async fn turn(self: &Arc<Self>, hand: &Hand) -> Place {
        let told = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Place { line: Some(Arc::clone(self)) };
            }
            let (tell, told) = oneshot::channel();
            state.arrived += 1;
            let key = (hand.urgency(), std::cmp::Reverse(state.arrived));
            state.waiting.insert(key, tell);
            told
        };
        match told.await {
            Ok(place) => place,
            // Whoever waits is told before they are forgotten.
            Err(_) => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        loop {
            let next = {
                let mut state = line.state();
                let Some((_, next)) = state.waiting.pop_last() else {
                    state.free += 1;
                    return;
                };
                next
            };
            match next.send(Self { line: Some(Arc::clone(&line)) }) {
                Ok(()) => return,
                // They wait no longer, so it is passed on to the next one.
                Err(mut back) => back.line = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_most_urgent_comes_first_and_then_who_came_first() {
        let (line, came) = (Line::new(1), Arc::new(Mutex::new(Vec::new())));
        let first = line.turn(&Hand::default()).await;
        let mut waiting = Vec::new();
        for (who, urgency) in [("a leaf", 0), ("another", 0), ("a trunk", 3), ("a branch", 1)] {
            let (line, came) = (Arc::clone(&line), Arc::clone(&came));
            waiting.push(tokio::spawn(async move {
                let place = line.turn(&Hand::default().urgent(urgency)).await;
                came.lock().unwrap().push(who);
                drop(place);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for one in waiting {
            one.await.unwrap();
        }

        assert_eq!(*came.lock().unwrap(), ["a trunk", "a branch", "a leaf", "another"]);
    }

    #[tokio::test]
    async fn who_waits_no_longer_holds_up_nobody() {
        let line = Line::new(1);
        let first = line.turn(&Hand::default()).await;
        let gone = tokio::spawn({
            let line = Arc::clone(&line);
            async move { drop(line.turn(&Hand::default().urgent(9)).await) }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(first);

        drop(line.turn(&Hand::default()).await);
        assert_eq!(line.state().free, 1);
    }
}
