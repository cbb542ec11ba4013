//! What was tried on a guest and what comes next, as people read it: in a terminal and in a message.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Effect, Next, Try};

impl Next {
    /// Says what happens next, and when.
    pub fn sentence(&self) -> String {
        match self {
            Self::Repair { rung, attempt, of, at } => {
                format!("{} at {} (attempt {attempt}/{of})", rung.words(), time(*at))
            }
            Self::Held { rung, why } => {
                format!("{}, once it is no longer so that {why}", rung.words())
            }
            Self::UnderWay { rung, until } => {
                format!("{} is under way, and given up at {}", rung.words(), time(*until))
            }
            Self::Look { at, why } => format!("{why}; it is looked at again at {}", time(*at)),
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

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
