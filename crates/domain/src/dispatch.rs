//! When a guest is to be woken: a rule over the states of all guests, and nothing else.

use chrono::{DateTime, Utc};

use crate::{GuestKey, Record, Standing};

/// What is to be done about a guest that nobody works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing: it has arrived, somebody is at it, or it waits for what is still on its way.
    None,
    /// A worker should take it now.
    Wake,
    /// A worker should take it then.
    WakeAt(DateTime<Utc>),
    /// It should be told that it waits for a guest that failed.
    BlockBy {
        /// The one it stands on.
        guest: GuestKey,
        /// The one where the trouble began.
        root: GuestKey,
    },
}

/// Says what is to be done about a guest, given those it stands on.
pub fn next_move<'r>(
    record: &Record,
    below: impl Fn(GuestKey) -> Option<&'r Record>,
    now: DateTime<Utc>,
) -> Move {
    let at = match record.work.standing {
        _ if record.is_settled() => return Move::None,
        Standing::Working => return Move::None,
        Standing::Failed => return Move::Wake,
        Standing::RetryWait { at } => at,
        Standing::Requested
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Dead { .. }
        | Standing::Cancelled => now,
    };
    let mut is_ready = true;
    for guest in &record.desired.stands_on {
        let Some(foundation) = below(*guest) else {
            is_ready = false;
            continue;
        };
        if let Some(root) = trouble(foundation) {
            let told = Standing::BlockedBy { guest: *guest, root };
            let is_told = record.work.standing == told;
            return if is_told { Move::None } else { Move::BlockBy { guest: *guest, root } };
        }
        is_ready &= foundation.is_complete();
    }
    match (is_ready, at > now) {
        (false, _) => Move::None,
        (true, true) => Move::WakeAt(at),
        (true, false) => Move::Wake,
    }
}

/// Returns the guest where the trouble began, if this one will not be complete by itself.
fn trouble(record: &Record) -> Option<GuestKey> {
    match record.work.standing {
        _ if record.work.revision != record.desired.revision => None,
        Standing::Blocked { .. }
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => Some(record.guest),
        Standing::BlockedBy { root, .. } => Some(root),
        Standing::Requested
        | Standing::Working
        | Standing::RetryWait { .. }
        | Standing::Completed => None,
    }
}
