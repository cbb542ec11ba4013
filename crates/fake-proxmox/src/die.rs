//! How a command ends early: with the words and the exit code that Perl's `die` leaves.

use std::io;

use crate::say;

/// Why a command goes no further.
#[derive(Debug)]
pub(crate) enum Die {
    /// `die "text\n"`: the text, and what `errno` happened to be.
    Text { text: String, errno: u8 },
    /// `raise_param_exc`: the caller prints how the command is used as well.
    Param { head: String, errors: Vec<(String, String)>, errno: u8 },
}

/// What a command comes to.
pub(crate) type Outcome<T> = Result<T, Die>;

/// What `errno` holds after a file was not found: the exit code of many errors.
pub(crate) const ENOENT: u8 = 2;
/// What it holds when a wait for a lock was cut short by an alarm.
pub(crate) const EINTR: u8 = 4;

impl Die {
    /// Ends with a text, to which the line feed is added.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.push('\n');
        Self::Text { text, errno: 0 }
    }

    /// Ends with a text as it stands.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), errno: 0 }
    }

    /// Ends because one parameter is wrong.
    pub(crate) fn param(key: &str, why: impl Into<String>) -> Self {
        Self::params(vec![(key.to_owned(), why.into())])
    }

    pub(crate) fn params(errors: Vec<(String, String)>) -> Self {
        Self::Param { head: "Parameter verification failed.\n".into(), errors, errno: 0 }
    }

    /// Ends because the command line could not be read.
    pub(crate) fn usage(head: &str) -> Self {
        Self::Param { head: format!("{head}\n"), errors: Vec::new(), errno: 0 }
    }

    /// Says what `errno` was, which becomes the exit code.
    #[must_use]
    pub(crate) fn errno(mut self, left: u8) -> Self {
        match &mut self {
            Self::Text { errno, .. } | Self::Param { errno, .. } => *errno = left,
        }
        self
    }

    /// Keeps the exit code and puts words before the text.
    #[must_use]
    pub(crate) fn after(self, words: &str) -> Self {
        let errno = match &self {
            Self::Text { errno, .. } | Self::Param { errno, .. } => *errno,
        };
        Self::Text { text: format!("{words}{}", self.text()), errno }
    }

    /// Returns the text without the line that tells how the command is used.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            Self::Param { head, errors, .. } => {
                let errors = say::lines(errors.iter().map(|(key, why)| format!("{key}: {why}")));
                format!("400 {head}{errors}")
            }
        }
    }

    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Text { errno: 0, .. } | Self::Param { errno: 0, .. } => 255,
            Self::Text { errno, .. } | Self::Param { errno, .. } => *errno,
        }
    }
}

impl From<io::Error> for Die {
    fn from(err: io::Error) -> Self {
        let errno = err.raw_os_error().and_then(|code| u8::try_from(code).ok()).unwrap_or(0);
        Self::new(err.to_string()).errno(errno)
    }
}

impl From<rustix::io::Errno> for Die {
    fn from(err: rustix::io::Errno) -> Self {
        Self::from(io::Error::from(err))
    }
}

impl From<serde_json::Error> for Die {
    fn from(err: serde_json::Error) -> Self {
        Self::new(format!("the world of the double is damaged: {err}"))
    }
}
