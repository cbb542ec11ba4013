//! Whether a stream is as it is wanted, and in what it is not.

use async_nats::jetstream::stream::Config;

/// Returns in what of all that we rely on a stream is otherwise than wanted.
pub(crate) fn differences(there: &Config, wanted: &Config) -> Vec<&'static str> {
    let same_metadata =
        wanted.metadata.iter().all(|(key, value)| there.metadata.get(key) == Some(value));
    // Where none is named, the server takes one.
    let is_same_window =
        wanted.duplicate_window.is_zero() || there.duplicate_window == wanted.duplicate_window;
    let per_subject = |config: &Config| limit(config.max_messages_per_subject);
    let size = |config: &Config| limit(config.max_message_size.into());
    let consumers = |config: &Config| limit(config.max_consumers.into());
    [
        ("subjects", there.subjects == wanted.subjects),
        ("retention", there.retention == wanted.retention),
        ("storage", there.storage == wanted.storage),
        ("replicas", there.num_replicas == wanted.num_replicas),
        ("discard", there.discard == wanted.discard),
        ("discard per subject", there.discard_new_per_subject == wanted.discard_new_per_subject),
        ("messages per subject", per_subject(there) == per_subject(wanted)),
        ("message size", size(there) == size(wanted)),
        ("messages", limit(there.max_messages) == limit(wanted.max_messages)),
        ("bytes", limit(there.max_bytes) == limit(wanted.max_bytes)),
        ("consumers", consumers(there) == consumers(wanted)),
        ("age", there.max_age == wanted.max_age),
        ("duplicates", is_same_window),
        ("direct reads", there.allow_direct == wanted.allow_direct),
        ("deny delete", there.deny_delete == wanted.deny_delete),
        ("rollup", there.allow_rollup == wanted.allow_rollup),
        ("batches", there.allow_atomic_publish == wanted.allow_atomic_publish),
        ("republish", there.republish == wanted.republish),
        ("metadata", same_metadata),
    ]
    .into_iter()
    .filter_map(|(what, is_same)| (!is_same).then_some(what))
    .collect()
}

/// Returns a limit, if it is one: a server says -1 where it was told 0, and means the same.
pub(crate) fn limit(limit: i64) -> Option<u64> {
    u64::try_from(limit).ok().filter(|limit| *limit > 0)
}
