//! Waits until a machine can be worked in: its agent answers, and Cloud-Init has had its say.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use phoenix_domain::GuestSpec;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::agent::{Agent, AgentError};
use crate::proxmox::Proxmox;
use crate::{Hand, HostError};

/// How long a machine has for its first boot: it installs its agent from the network then.
const LIMIT: Duration = Duration::from_mins(15);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(500);
/// How often people are told that it still is waited for.
const TELL: Duration = Duration::from_secs(15);
/// How much of a file of Cloud-Init is read.
const MOST: usize = 64 * 1024;
/// How much of its log is shown.
const SHOWN: usize = 20;

/// Where Cloud-Init says that it has ended.
pub(super) const RESULT: &str = "/run/cloud-init/result.json";
/// Where it says what it is at.
const STATUS: &str = "/run/cloud-init/status.json";
/// Where it logs.
const LOG: &str = "/var/log/cloud-init.log";
/// Where it says that it is not to do anything.
const DISABLED: &str = "/run/cloud-init/disabled";
/// The program itself.
const PROGRAM: &str = "/usr/bin/cloud-init";

/// How Cloud-Init does.
#[derive(Debug, PartialEq, Eq)]
enum CloudInit {
    /// There is none, or it has nothing to do.
    None,
    /// It is at work; at which stage.
    AtWork(String),
    /// It has ended; what went wrong that it could go on without.
    Done(Vec<String>),
    /// It has failed.
    Failed(Vec<String>),
}

#[derive(Default, Deserialize)]
struct Outcome {
    #[serde(default)]
    errors: Vec<String>,
}

impl Proxmox {
    /// Waits for the agent, then for Cloud-Init, and says meanwhile what is waited for.
    pub(super) async fn await_agent(&self, want: &GuestSpec, hand: &Hand) -> Result<(), HostError> {
        let agent = self.agent(want.vmid);
        let begun = Instant::now();
        let mut told = begun;
        loop {
            let waits = match look(&agent).await {
                Ok(CloudInit::None) => return Ok(()),
                Ok(CloudInit::Done(warnings)) => {
                    for warning in warnings {
                        tell(hand, &format!("Cloud-Init went on without: {warning}"));
                    }
                    return Ok(());
                }
                Ok(CloudInit::Failed(errors)) => {
                    return Err(HostError::Refused {
                        what: format!("Cloud-Init of {}", want.vmid),
                        why: errors.join("; "),
                        output: log(&agent).await,
                    });
                }
                Ok(CloudInit::AtWork(stage)) => format!("Cloud-Init is at work: {stage}"),
                Err(err) if self.process(want.vmid).is_none() => {
                    return Err(HostError::Failed {
                        what: format!("waiting for the agent of {}", want.vmid),
                        why: format!("the machine has stopped meanwhile ({err})"),
                        output: String::new(),
                    });
                }
                Err(err) => err.to_string(),
            };
            if begun.elapsed() >= LIMIT {
                return Err(HostError::Failed {
                    what: format!("waiting for {}", want.vmid),
                    why: format!(
                        "after {} min: {waits}; see its console, `qm terminal {}`: whether it has \
                         booted, whether it gets to the network, and whether qemu-guest-agent is \
                         installed",
                        LIMIT.as_secs() / 60,
                        want.vmid
                    ),
                    output: log(&agent).await,
                });
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                tell(hand, &format!("after {} s: {waits}", begun.elapsed().as_secs()));
            }
            sleep(LOOK).await;
        }
    }
}

async fn look(agent: &Agent) -> Result<CloudInit, AgentError> {
    agent.ping().await?;
    let read = |path| agent.read(path, 0, MOST);
    let result = read(RESULT).await?;
    let status = read(STATUS).await?;
    let is_there = match (&result, &status) {
        (None, None) => {
            read(PROGRAM).await.is_ok_and(|program| program.is_some())
                && read(DISABLED).await?.is_none()
        }
        (Some(_), _) | (_, Some(_)) => true,
    };
    Ok(state(result.as_deref(), status.as_deref(), is_there))
}

/// Says how Cloud-Init does, by its two files.
fn state(result: Option<&[u8]>, status: Option<&[u8]>, is_there: bool) -> CloudInit {
    let json = |bytes: Option<&[u8]>| {
        let value: Value = serde_json::from_slice(bytes?).ok()?;
        value.get("v1").cloned()
    };
    let status = json(status).unwrap_or_default();
    let stages = || status.as_object().into_iter().flatten().map(|(_, stage)| stage);
    if result.is_none() {
        let stage = status.get("stage").and_then(Value::as_str);
        return if is_there {
            CloudInit::AtWork(stage.unwrap_or("it begins").to_owned())
        } else {
            CloudInit::None
        };
    }
    let outcome: Outcome =
        json(result).and_then(|outcome| serde_json::from_value(outcome).ok()).unwrap_or_default();
    let errors = if outcome.errors.is_empty() {
        let of = |stage: &Value| serde_json::from_value::<Outcome>(stage.clone()).ok();
        stages().filter_map(of).flat_map(|stage| stage.errors).collect()
    } else {
        outcome.errors
    };
    if !errors.is_empty() {
        return CloudInit::Failed(errors);
    }
    // Newer ones tell what they could do without, by how bad it is.
    let recoverable = stages().filter_map(|stage| stage.get("recoverable_errors")?.as_object());
    let messages = recoverable.flat_map(|by_level| by_level.values());
    let messages = messages.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    CloudInit::Done(messages.map(str::to_owned).collect())
}

/// Returns the lines of its log that say that something is wrong.
async fn log(agent: &Agent) -> String {
    let Ok(Some(log)) = agent.read(LOG, 0, 4 << 20).await else { return String::new() };
    let log = String::from_utf8_lossy(&log);
    let is_bad = |line: &&str| {
        ["[WARNING]", "[ERROR]", "[CRITICAL]", "Error:", "failed"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines: Vec<_> = log.lines().filter(is_bad).collect();
    let mut shown = String::new();
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
        // A String takes everything that is written to it.
        let _written = writeln!(shown, "{line}");
    }
    shown
}

fn tell(hand: &Hand, line: &str) {
    if let Some(ear) = hand.ear() {
        ear.hear(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(result: Option<&str>, status: Option<&str>) -> CloudInit {
        state(result.map(str::as_bytes), status.map(str::as_bytes), true)
    }

    #[test]
    fn cloud_init_is_done_when_it_says_so_and_not_before() {
        let working =
            r#"{"v1": {"stage": "modules-config", "init": {"errors": [], "start": 1.0}}}"#;
        assert_eq!(at(None, Some(working)), CloudInit::AtWork("modules-config".to_owned()));
        assert_eq!(at(None, None), CloudInit::AtWork("it begins".to_owned()));
        assert_eq!(state(None, None, false), CloudInit::None);
        let done = r#"{"v1": {"datasource": "DataSourceNoCloud", "errors": []}}"#;
        assert_eq!(at(Some(done), Some(working)), CloudInit::Done(Vec::new()));
        // A guest says what it likes.
        assert_eq!(at(Some("{"), Some("[]")), CloudInit::Done(Vec::new()));
    }

    #[test]
    fn errors_are_told_and_what_it_could_do_without_is_none() {
        let failed =
            r#"{"v1": {"datasource": null, "errors": ["('scripts_user', RuntimeError())"]}}"#;
        assert!(matches!(at(Some(failed), None), CloudInit::Failed(errors) if errors.len() == 1));
        let done = r#"{"v1": {"datasource": "x", "errors": []}}"#;
        let degraded = r#"{"v1": {"stage": null, "init": {"errors": [],
            "recoverable_errors": {"WARNING": ["no such key"], "DEPRECATED": ["old"]}}}}"#;
        let CloudInit::Done(warnings) = at(Some(done), Some(degraded)) else { panic!("not done") };
        assert!(warnings.contains(&"no such key".to_owned()), "{warnings:?}");
    }
}
