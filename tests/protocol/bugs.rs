//! Mistakes one could make, each of which the model has to find.

use crate::properties;
use crate::protocol::{Dependencies, Dispatcher, Lock, Protocol, Request};
use crate::scenarios;
use crate::state::Faults;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Appends expect nothing.
    NoCompareAndSet,
    /// Nobody takes the lock of a guest.
    NoLock,
    /// The lock ends with the worker, and not with its child.
    LockNotInherited,
    /// The record is believed, and the host is not looked at.
    NoLookBeforeActing,
    /// The token is acknowledged as soon as the guest is claimed, and nothing sweeps.
    AckBeforeCompleted,
    /// Tokens get lost, and nothing sweeps.
    NoSweep,
    /// A fenced worker writes behind its successor.
    FencedGoesOn,
    /// A fenced worker acknowledges its token, and nothing sweeps.
    FencedAcknowledges,
    /// A worker that has to write behind a requester writes what was desired before.
    RebaseKeepsDesired,
    /// A worker sees that it is cancelled, and goes on.
    CancelNotRead,
    /// The dispatcher publishes nothing for a guest that is cancelled.
    CancelledIsNotRunnable,
    /// An append whose answer was lost is written again, without expectation.
    LostAckMeansFailed,
    /// The log is not read again behind the acknowledgement, and nothing sweeps.
    NoReadAfterAck,
    /// Neither dispatcher nor worker waits for the parent.
    ChildBeforeParent,
    /// The dispatcher waits for the parent, and the worker takes every token for leave to begin.
    OnlyDispatcherWaits,
    /// The second append is sent before the first was answered, and expects the number that the
    /// first would have got.
    PipelinedByNumber,
    /// Whether an append landed is told by who wrote the last event, and not by the half of the
    /// record that requesters copy.
    MineByLastWriter,
}

impl Bug {
    /// Returns the smallest system that shows the bug, and the promise that it breaks.
    pub(crate) fn planted(self) -> (Protocol, &'static str) {
        let none = scenarios::calm();
        let superseded =
            Protocol { requests: vec![vec![Request::Submit, Request::Submit]], ..none };
        let crash = Protocol { faults: Faults { crashes: 1, ..Faults::default() }, ..none.clone() };
        let (protocol, promise) = match self {
            Self::NoLock => (
                Protocol { faults: Faults { redeliveries: 1, ..Faults::default() }, ..none },
                properties::ONE_AT_A_TIME,
            ),
            Self::LockNotInherited => (crash, properties::ONE_AT_A_TIME),
            Self::NoLookBeforeActing => (crash, properties::APPLIED_ONCE),
            Self::AckBeforeCompleted => {
                (Protocol { dispatcher: Dispatcher::Events, ..crash }, properties::ENDS_WELL)
            }
            Self::NoSweep => (
                Protocol { faults: Faults { lost_tokens: 1, ..Faults::default() }, ..none },
                properties::ENDS_WELL,
            ),
            Self::FencedGoesOn => (
                Protocol {
                    lock: Lock::None,
                    tolerated: scenarios::without_lock().tolerated,
                    faults: Faults { redeliveries: 1, ..Faults::default() },
                    ..none
                },
                properties::HOLDER_RECORDS,
            ),
            Self::FencedAcknowledges => (
                Protocol {
                    dispatcher: Dispatcher::Events,
                    faults: Faults { crashes: 1, late_appends: 1, ..Faults::default() },
                    ..none
                },
                properties::ENDS_WELL,
            ),
            Self::NoCompareAndSet | Self::RebaseKeepsDesired | Self::PipelinedByNumber => {
                (superseded, properties::FOLD)
            }
            Self::CancelNotRead => (
                Protocol { requests: vec![vec![Request::Submit, Request::Cancel]], ..none },
                properties::CANCEL_OBEYED,
            ),
            Self::CancelledIsNotRunnable => (
                Protocol { requests: vec![vec![Request::Submit, Request::Cancel]], ..none },
                properties::ENDS_WELL,
            ),
            Self::LostAckMeansFailed => (
                Protocol { faults: Faults { lost_answers: 1, ..Faults::default() }, ..none },
                properties::RECORDED_ONCE,
            ),
            Self::NoReadAfterAck => {
                (Protocol { dispatcher: Dispatcher::Events, ..superseded }, properties::ENDS_WELL)
            }
            Self::ChildBeforeParent => (
                Protocol {
                    requests: vec![vec![Request::Submit]; 2],
                    dependencies: Dependencies::Chain,
                    ..none
                },
                properties::PARENT_FIRST,
            ),
            Self::OnlyDispatcherWaits => (
                Protocol {
                    requests: vec![
                        vec![Request::Submit],
                        vec![Request::Submit, Request::Cancel, Request::Submit],
                    ],
                    dependencies: Dependencies::Chain,
                    ..none
                },
                properties::PARENT_FIRST,
            ),
            Self::MineByLastWriter => (
                Protocol { faults: Faults { lost_answers: 1, ..Faults::default() }, ..superseded },
                properties::RECORDED_ONCE,
            ),
        };
        (Protocol { bug: Some(self), ..protocol }, promise)
    }
}
