//! What is said inside of a guest while it is worked on: told at once to whoever listens, and to the
//! log of this program; the end of it is kept for the event of the step.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phoenix_bus::Bus;
use phoenix_domain::GuestKey;
use phoenix_hypervisor::Ear;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{debug, info};

/// How many lines of a step stay in the log of the guest.
const KEPT: usize = 30;
/// How many lines may wait for being told. Whoever speaks faster is not heard in full.
const WAITING: usize = 512;
/// How many lines go into one message.
const AT_ONCE: usize = 64;

/// What is said inside of one guest.
pub(crate) struct Voice {
    said: Arc<Mutex<Said>>,
    lines: Receiver<String>,
}

/// The end of what was said since somebody asked.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    last: VecDeque<String>,
    forgotten: usize,
}

impl Voice {
    /// Returns a voice, and the ear that it is heard by.
    pub(crate) fn new() -> (Self, Ear) {
        let said = Arc::<Mutex<Said>>::default();
        let (tell, lines) = channel(WAITING);
        let memory = Arc::clone(&said);
        (Self { said, lines }, Ear::new(move |line| hear(line, &memory, &tell)))
    }

    /// Returns what remembers the end of it.
    pub(crate) fn memory(&self) -> Memory {
        Memory(Arc::clone(&self.said))
    }

    /// Tells what is said to whoever listens, until this is dropped.
    pub(crate) async fn tell(&mut self, bus: &Bus, guest: GuestKey) {
        let mut lines = Vec::new();
        while self.lines.recv_many(&mut lines, AT_ONCE).await > 0 {
            if let Err(err) = bus.say_aloud(guest, std::mem::take(&mut lines)).await {
                debug!(%err, "what is said in a guest was not told");
            }
        }
        std::future::pending::<()>().await;
    }

    /// Tells what was said last.
    pub(crate) async fn tell_rest(&mut self, bus: &Bus, guest: GuestKey) {
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.try_recv() {
            lines.push(line);
        }
        if !lines.is_empty()
            && let Err(err) = bus.say_aloud(guest, lines).await
        {
            debug!(%err, "what is said in a guest was not told");
        }
    }
}

impl Memory {
    /// Returns the end of what was said since it was last asked for.
    pub(crate) fn take(&self) -> Vec<String> {
        let Said { last, forgotten } = std::mem::take(&mut *lock(&self.0));
        let before = (forgotten > 0).then(|| format!("({forgotten} lines before)"));
        before.into_iter().chain(last).collect()
    }
}

fn hear(line: &str, said: &Mutex<Said>, tell: &Sender<String>) {
    info!(target: "phoenix_worker::guest", "{line}");
    let mut said = lock(said);
    if said.last.len() == KEPT {
        said.last.pop_front();
        said.forgotten += 1;
    }
    said.last.push_back(line.to_owned());
    // It is in the log of this program in any case.
    let _full = tell.try_send(line.to_owned());
}

fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_remembered_and_how_much_was_before_it() {
        let (voice, _ear) = Voice::new();
        let (memory, (tell, _told)) = (voice.memory(), channel(1));
        for nth in 0..KEPT + 5 {
            hear(&format!("line {nth}"), &voice.said, &tell);
        }

        let kept = memory.take();

        assert_eq!(kept.len(), KEPT + 1);
        assert_eq!(kept[0], "(5 lines before)");
        assert_eq!(kept[KEPT], format!("line {}", KEPT + 4));
        assert!(memory.take().is_empty());
    }
}
