//! What a server was asked.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `GET /health`.
    pub what: String,
    /// All lines of its head, as they came.
    pub head: String,
    /// What was sent with it.
    pub body: String,
}

/// All that was asked.
#[derive(Debug, Default)]
pub(crate) struct Log {
    asked: Mutex<Vec<Asked>>,
    grew: Notify,
    is_forgetful: bool,
}

impl Log {
    pub(crate) fn forgetful() -> Self {
        Self { is_forgetful: true, ..Self::default() }
    }

    pub(crate) fn add(&self, asked: Asked) {
        if self.is_forgetful {
            return;
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        self.grew.notify_waiters();
    }

    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn wait_for(&self, what: &str) {
        loop {
            let mut grew = std::pin::pin!(self.grew.notified());
            grew.as_mut().enable();
            if self.has(what) {
                return;
            }
            grew.await;
        }
    }

    fn has(&self, what: &str) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|asked| asked.what == what)
    }
}
