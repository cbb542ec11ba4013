//! What an older version has set up is brought forward, and nothing of it is taken away: a program of the version
//! before may still be at work with it.

use std::time::Duration;

use async_nats::jetstream::stream::Config;

use crate::forbidden::covers;
use crate::likeness::limit;
use crate::names::LAYOUT;

/// Which layout this version knows. It is raised with every change of what is wanted of a stream or bucket.
pub(crate) const NEWEST_LAYOUT: u32 = 1;

/// Returns a stream as it is to be: all that is wanted, and what it has beyond that. One that a newer version has
/// set up is to be as it is.
pub(crate) fn forward(there: &Config, wanted: &Config) -> Config {
    if newer_layout(there).is_some() {
        return there.clone();
    }
    let bytes = more(there.max_message_size.into(), wanted.max_message_size.into());
    // What is not ours to decide stays as it is, and so does what no server changes: how many consumers there may be.
    let mut next = Config {
        max_bytes: more(there.max_bytes, wanted.max_bytes),
        max_messages: more(there.max_messages, wanted.max_messages),
        max_messages_per_subject: more(
            there.max_messages_per_subject,
            wanted.max_messages_per_subject,
        ),
        max_message_size: i32::try_from(bytes).unwrap_or(wanted.max_message_size),
        max_age: longer(there.max_age, wanted.max_age),
        duplicate_window: there.duplicate_window.max(wanted.duplicate_window),
        num_replicas: there.num_replicas.max(wanted.num_replicas),
        subjects: both(&there.subjects, &wanted.subjects),
        deny_delete: there.deny_delete || wanted.deny_delete,
        allow_direct: there.allow_direct || wanted.allow_direct,
        discard: wanted.discard,
        discard_new_per_subject: wanted.discard_new_per_subject,
        allow_rollup: wanted.allow_rollup,
        allow_atomic_publish: wanted.allow_atomic_publish,
        republish: wanted.republish.clone(),
        ..there.clone()
    };
    next.metadata.extend(wanted.metadata.clone());
    next
}

/// Returns the layout of a stream where this version does not know it yet.
pub(crate) fn newer_layout(there: &Config) -> Option<u32> {
    let said = there.metadata.get(LAYOUT)?.parse().ok()?;
    (said > NEWEST_LAYOUT).then_some(said)
}

/// Says of a stream that is to be made or changed by which layout that is done.
pub(crate) fn sign(config: &mut Config) {
    config.metadata.insert(LAYOUT.to_owned(), NEWEST_LAYOUT.to_string());
}

/// Returns the wider of two limits; no limit is the widest.
fn more(there: i64, wanted: i64) -> i64 {
    if limit(there).is_none() {
        there
    } else if limit(wanted).is_none() {
        -1
    } else {
        there.max(wanted)
    }
}

/// Returns the longer of two times; none is for ever.
fn longer(there: Duration, wanted: Duration) -> Duration {
    if there.is_zero() || wanted.is_zero() { Duration::ZERO } else { there.max(wanted) }
}

/// Returns the subjects of both; one that another covers is in that.
fn both(there: &[String], wanted: &[String]) -> Vec<String> {
    let mut all = there.to_vec();
    for subject in wanted {
        if !all.iter().any(|one| holds(one, subject)) {
            all.retain(|one| !holds(subject, one));
            all.push(subject.clone());
        }
    }
    all
}

/// Says whether a pattern names all that another one does.
fn holds(wide: &str, narrow: &str) -> bool {
    // To the one pattern, the end of the other is a token like any.
    covers(wide, narrow) && (wide.ends_with('>') || !narrow.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::DiscardPolicy;

    use super::*;

    fn config(bytes: i64, age: u64, subjects: &[&str]) -> Config {
        Config {
            name: "S".to_owned(),
            max_bytes: bytes,
            max_age: Duration::from_secs(age),
            subjects: subjects.iter().map(|one| (*one).to_owned()).collect(),
            ..Config::default()
        }
    }

    #[test]
    fn what_is_there_gets_more_and_loses_nothing() {
        let there = config(100, 60, &["a.*", "b"]);

        let more = forward(&there, &config(200, 90, &["a.*", "c"]));
        let less = forward(&there, &config(50, 30, &["a.x"]));
        let unlimited = forward(&there, &config(0, 0, &["a.>"]));

        assert_eq!(more, config(200, 90, &["a.*", "b", "c"]));
        assert_eq!(less, there);
        assert_eq!(unlimited, config(-1, 0, &["b", "a.>"]));
    }

    #[test]
    fn no_limit_and_for_ever_are_never_made_less() {
        let there = config(-1, 0, &["a"]);

        assert_eq!(forward(&there, &config(50, 30, &["a"])), there);
    }

    #[test]
    fn what_a_newer_version_has_set_up_is_as_it_is_to_be() {
        let mut there = config(100, 60, &["a"]);
        there.metadata.insert(LAYOUT.to_owned(), (NEWEST_LAYOUT + 1).to_string());
        there.discard = DiscardPolicy::New;

        assert_eq!(forward(&there, &config(200, 90, &["b"])), there);
        assert_eq!(newer_layout(&there), Some(NEWEST_LAYOUT + 1));
    }
}
