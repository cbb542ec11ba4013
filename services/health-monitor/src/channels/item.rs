//! What waits to be told by a channel: news, or known news that nobody has seen.

use phoenix_bus::{Call, News};

/// What waits to be told.
pub(super) enum Item {
    /// News.
    Call(Box<Call>),
    /// Known news that nobody has seen.
    Reminder(Box<News>),
}

impl Item {
    pub(super) fn news(&self) -> &News {
        match self {
            Self::Call(call) => &call.news,
            Self::Reminder(news) => news,
        }
    }

    pub(super) async fn hold(&self) {
        match self {
            Self::Call(call) => call.hold().await,
            Self::Reminder(_) => {}
        }
    }

    pub(super) async fn done(self) {
        match self {
            Self::Call(call) => call.done().await,
            Self::Reminder(_) => {}
        }
    }
}
