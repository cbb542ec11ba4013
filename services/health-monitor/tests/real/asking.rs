//! One probe of one server.

use std::net::IpAddr;
use std::time::Duration;

use chrono::Utc;
use phoenix_domain::health::{Ask, Found, Probe, Reading};
use phoenix_health_monitor::probes::{Asker, Clock, Memory, Pace};
use tokio::time::{Instant, sleep};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(50);

pub(crate) struct Asking {
    at: IpAddr,
    probe: Probe,
    memory: Memory,
}

impl Asking {
    pub(crate) fn new(at: IpAddr, ask: Ask) -> Self {
        let probe = Probe::new(ask.kind(), ask);
        Self { at, probe, memory: Memory::default() }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn read(&mut self) -> Reading {
        self.read_within(Duration::from_secs(30)).await
    }

    /// Asks one that does not answer, so that nobody waits for long.
    pub(crate) async fn read_soon(&mut self) -> Reading {
        self.read_within(Duration::from_millis(300)).await
    }

    pub(crate) async fn read_within(&mut self, patience: Duration) -> Reading {
        let pace = Pace { answer: patience, token: patience, ..Pace::default() };
        let asker = Asker::new(Clock::starting(Utc::now()), pace);
        asker.ask(self.at, &self.probe, None, &mut self.memory).await
    }

    /// Asks until this is found; returns that reading, and all that was found before.
    pub(crate) async fn until(
        &mut self,
        is_it: impl Fn(&Reading) -> bool,
    ) -> (Reading, Vec<Found>) {
        let end = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let reading = self.read().await;
            if is_it(&reading) {
                return (reading, before);
            }
            assert!(Instant::now() < end, "it is still {reading:?}");
            before.push(reading.found);
            sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn until_found(&mut self, found: Found) -> Vec<Found> {
        self.until(|reading| reading.found == found).await.1
    }
}
