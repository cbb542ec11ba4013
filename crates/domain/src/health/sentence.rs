//! What was tried on a guest and what comes next, as people read it: in a terminal and in a message.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Effect, Next, Rung, Try};

impl Next {
    /// Says what happens next, and when.
    pub fn sentence(&self) -> String {
        match self {
            Self::Repair { rung, attempt, of, at } => {
                format!("{} at {} (attempt {attempt}/{of})", rung.words(), time(*at))
            }
            Self::Held { rung, why, at } => {
                let at = at.map_or_else(String::new, |at| format!(", not before {}", time(at)));
                format!("{}, once it is no longer so that {why}{at}", rung.words())
            }
            Self::UnderWay { rung, until, then } => {
                let after = after(*then);
                format!("{} is under way, and given up at {}{after}", rung.words(), time(*until))
            }
            Self::Look { at, why, then } => format!("at {} {why}{}", time(*at), after(*then)),
            Self::None { why } => format!("nothing happens by itself: {why}"),
        }
    }
}

impl Try {
    /// Says what was tried, when, and what became of it.
    pub fn sentence(&self) -> String {
        let Self { rung, attempt, of, started, result, .. } = self;
        let (at, rung) = (time(*started), rung.words());
        format!("{at} {rung} (attempt {attempt}/{of}): {}", result.sentence())
    }
}

impl Effect {
    fn sentence(&self) -> String {
        match self {
            Self::UnderWay => "under way".to_owned(),
            Self::Done => "done, and it remains to be seen whether it helped".to_owned(),
            Self::Helpless => "it did not help".to_owned(),
            Self::Failed(why) => format!("it failed: {why}"),
            Self::Refused(why) => format!("it was not done: {why}"),
        }
    }
}

/// Says what comes after what is waited for.
fn after(then: Option<Rung>) -> String {
    then.map_or_else(String::new, |rung| format!("; what comes next then is {}", rung.words()))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
