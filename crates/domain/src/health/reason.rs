//! Why a guest is not well. The repair is chosen by the reason, not by the service.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $code:literal $words:literal,)*) => {
        /// Why a guest is not well.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Reason {
            $($(#[doc = $doc])* $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns its code, which does not change.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Returns what it means, in words that follow the name of a service.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

reasons! {
    /// Its process is gone, and nobody has started it again.
    Exited "exited" "is not running",
    /// It ends each time it is started, or its supervisor has given it up.
    CrashLoop "crash-loop" "ends again each time it is started",
    /// It was started, is not ready, and has stopped making any progress towards it.
    StartStalled "start-stalled" "is still not ready, and makes no progress",
    /// It says itself that its engine is dead.
    EngineDead "engine-dead" "says that its engine is dead",
    /// It has work, and nothing moves.
    Hung "hung" "hangs: it has work and nothing moves",
    /// It is there, and does not answer.
    Unresponsive "unresponsive" "does not answer",
    /// It answers with an error.
    AnswersError "answers-error" "answers with an error",
    /// A check inside of the guest fails.
    CheckFailed "check-failed" "fails its check",
    /// A worker of it answers on, and its master is gone.
    Orphaned "orphaned" "is answered for by a left-over process",
    /// What it is to load is not there.
    ArtifactMissing "artifact-missing" "cannot find what it is to load",
    /// It serves something else than it should.
    WrongModel "wrong-model" "does not offer the model it should",
    /// It does not see a GPU that is there.
    GpuLost "gpu-lost" "has lost its GPU, which is there on the host",
    /// The GPU itself is broken.
    GpuBroken "gpu-broken" "stands on a GPU that is broken",
    /// It has more to do than it can.
    Saturated "saturated" "is busy beyond its limit",
    /// It is busy with itself.
    Optimising "optimising" "is busy optimising what it stores",
    /// It was put to sleep on purpose.
    Asleep "asleep" "was put to sleep",
    /// Data that should be there is not.
    DataMissing "data-missing" "has lost data it should hold",
    /// It runs in a mode for rescuing data.
    RecoveryMode "recovery-mode" "runs in recovery mode and serves nothing",
    /// A collection of it is damaged.
    CollectionBroken "collection-broken" "holds a damaged collection",
    /// Too few of its peers are there.
    QuorumLost "quorum-lost" "has lost its quorum",
    /// It cannot write.
    DiskFull "disk-full" "cannot write: its disk is full or refuses",
    /// The kernel killed it for want of memory.
    OutOfMemory "out-of-memory" "was killed for want of memory",
    /// What lies behind it does not answer.
    UpstreamDown "upstream-down" "answers, and what lies behind it does not",
    /// The guest does not run.
    GuestDown "guest-down" "stands still, and should run",
    /// It goes up and down.
    Flapping "flapping" "goes up and down",
    /// The monitor was not let in.
    ProbeAuth "probe-auth" "does not let the monitor in",
    /// The monitor asks what cannot be answered.
    ProbeConfig "probe-config" "cannot be asked in this way",
    /// There is no way to it.
    Unreachable "unreachable" "cannot be reached from the monitor",
    /// What it stands on is not well.
    Foundation "foundation" "stands on something that is not well",
    /// Its host is silent.
    HostSilent "host-silent" "is on a host that is silent",
    /// Nobody has looked at it for long enough to say.
    Unjudged "unjudged" "has not been judged yet",
    /// The monitor itself is not well.
    MonitorSick "monitor-sick" "cannot be judged: the monitor is not well itself",
}

/// How much a reason weighs when it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It says that nothing is known.
    Blind,
    /// It serves all the same.
    Mild,
    /// It does not serve, which is no wonder while it starts.
    Excused,
    /// It does not serve.
    Plain,
}

impl Reason {
    pub(super) fn weight(self) -> Weight {
        match self {
            Self::ProbeAuth
            | Self::ProbeConfig
            | Self::Unreachable
            | Self::Foundation
            | Self::HostSilent
            | Self::Unjudged
            | Self::MonitorSick => Weight::Blind,
            Self::Saturated | Self::Optimising | Self::Asleep | Self::UpstreamDown => Weight::Mild,
            Self::StartStalled
            | Self::Hung
            | Self::Unresponsive
            | Self::AnswersError
            | Self::CheckFailed
            | Self::QuorumLost
            | Self::GuestDown
            | Self::Flapping => Weight::Excused,
            Self::Exited
            | Self::CrashLoop
            | Self::EngineDead
            | Self::Orphaned
            | Self::ArtifactMissing
            | Self::WrongModel
            | Self::GpuLost
            | Self::GpuBroken
            | Self::DataMissing
            | Self::RecoveryMode
            | Self::CollectionBroken
            | Self::DiskFull
            | Self::OutOfMemory => Weight::Plain,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_its_code() {
        for reason in Reason::ALL {
            let written = serde_json::to_string(reason).unwrap();
            assert_eq!(written, format!("\"{}\"", reason.code()));
        }
    }
}
