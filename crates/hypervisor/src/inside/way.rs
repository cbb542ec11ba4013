//! The ways into a guest: through the kernel into a container, through the agent into a machine.

use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use phoenix_domain::{FeatureName, Kind};

use super::look::Receipts;
use crate::agent::{Agent, Job};
use crate::command::{Command, Ended, spoken};
use crate::kernel::{self, Init, Inside};
use crate::veil::Veil;
use crate::{Hand, HostError};

/// A way into a guest.
pub(crate) enum Way<'w> {
    /// A process of the host that enters a container.
    Kernel {
        /// Finds its init, if it runs.
        init: Box<dyn Fn() -> Option<Init> + Send + Sync + 'w>,
        /// Begins the command that runs something in it: the program and its arguments follow.
        attach: Box<dyn Fn(Duration) -> Command + Send + Sync + 'w>,
    },
    /// The agent of a machine.
    Agent(Agent),
}

/// What is run in a guest.
pub(super) struct Errand<'e> {
    /// What people call it.
    pub(super) what: &'e str,
    /// What the guest's own shell runs.
    pub(super) script: &'e str,
    /// What that reads.
    pub(super) input: &'e [u8],
    /// How long it may take.
    pub(super) limit: Duration,
    /// What must not be seen of what it prints.
    pub(super) veil: Veil,
}

impl Way<'_> {
    /// Returns what kind of guest it leads into.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Kernel { .. } => Kind::Container,
            Self::Agent(_) => Kind::Machine,
        }
    }

    /// Says whether it leads anywhere now.
    pub(super) async fn is_open(&self) -> bool {
        match self {
            Self::Kernel { init, .. } => init().is_some(),
            Self::Agent(agent) => agent.ping().await.is_ok(),
        }
    }

    /// Runs something to its end, and lets what it says be heard.
    ///
    /// A process that was begun in a container holds the locks of its guest, so that nobody runs it
    /// beside a worker's successor. In a machine nothing can hold them: there the job itself is found
    /// again by what it does, and followed.
    pub(super) async fn run(&self, errand: Errand<'_>, hand: &Hand) -> Result<Ended, HostError> {
        match self {
            Self::Kernel { attach, .. } => {
                let trace = hand.trace().map(|trace| format!("export TRACEPARENT={trace}; "));
                let attached = attach(errand.limit).plain("/bin/sh").plain("-c").plain(format!(
                    "{}{}",
                    trace.unwrap_or_default(),
                    errand.script
                ));
                #[cfg(feature = "planted")]
                let attached = if phoenix_planted::is("secret-on-argv") {
                    let told = String::from_utf8_lossy(errand.input).replace('\0', "");
                    attached.plain(told.chars().take(30_000).collect::<String>())
                } else {
                    attached
                };
                attached
                    .purpose(errand.what)
                    .stdin(errand.input)?
                    .veiled(errand.veil)
                    .heard()
                    .run(hand)
                    .await
            }
            Self::Agent(agent) => {
                let Errand { what, script, input, limit, veil } = errand;
                let job = Job { name: what, script, input, limit, trace: hand.trace() };
                let ear = hand.ear();
                let heard = |line: &str| {
                    if let (Some(ear), Some(line)) = (ear, spoken(line, &veil)) {
                        ear.hear(&line);
                    }
                };
                let ended = agent.run(job, heard).await?;
                let said = if ended.cut {
                    veil.over_rest(&ended.output)
                } else {
                    veil.over(&ended.output)
                };
                // Signals are told as shells tell them.
                let status = ExitStatus::from_raw((ended.code & 0xff) << 8);
                Ok(Ended { status, stdout: said, stderr: String::new() })
            }
        }
    }

    /// Returns the features that have left a receipt.
    pub(super) async fn installed(&self, proc: &Path) -> Result<Vec<FeatureName>, HostError> {
        let receipts = match self {
            Self::Kernel { init, .. } => {
                let Some(init) = init() else { return Ok(Vec::new()) };
                let root = Inside::open(proc, &init);
                Receipts::of_container(&root.map_err(|err| HostError::Unreachable { err })?)?
            }
            Self::Agent(agent) => {
                let told = Receipts::of_machine(agent).await;
                told.map_err(|err| HostError::Agent { what: "looking into it".to_owned(), err })?.0
            }
        };
        Ok(receipts.features().collect())
    }

    /// Returns the addresses it has.
    pub(super) async fn addresses(&self, proc: &Path) -> Vec<IpAddr> {
        match self {
            Self::Kernel { init, .. } => {
                init().map(|init| kernel::addresses(proc, &init)).unwrap_or_default()
            }
            Self::Agent(agent) => agent.addresses().await.unwrap_or_default(),
        }
    }
}
