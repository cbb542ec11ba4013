//! A site whose worker and monitor are played: every state the page shows is told by the test.

use std::sync::{Arc, Mutex};

use chrono::Utc;
use phoenix_bus::{Durability, MonitorAnswer, MonitorQuestion, Outlook, Seen, Teller};
use phoenix_domain::health::{Ask, Condition, Incident, Mode, Probe, Word};
use phoenix_domain::{
    Blocked, Claim, Claimed, DeadLettered, Fact, Failed, Failure, GuestKey, Obstacle, Phase,
    StepFailed, StepName, StepTaken, Verdict, WorkerName,
};
use phoenix_testkit::guest;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::survive::site::lxc;
use crate::verbs::site::Site;

/// What others write, who want more than to be read.
pub(super) const EVIL: &str =
    "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>";

/// A site without a worker, where these guests were asked for.
pub(super) async fn site(guests: &[u64]) -> Site {
    let site = Site::new().await;
    site.inner.bus.set_up(Durability::Synced).await.unwrap();
    let specs: Vec<_> = guests.iter().map(|vmid| guest(*vmid).build()).collect();
    site.inner.submit(&specs).await;
    site
}

/// Tells the log of a guest something.
pub(super) async fn tell(site: &Site, vmid: u64, fact: impl Into<Fact>) {
    let source = "//pve1/phoenix/worker".to_owned();
    let teller = Teller { source, traceparent: None, clock: Utc::now };
    let fact = fact.into();
    let inner = &site.inner;
    let wish = |_, _: Option<&_>| Some(fact.clone());
    inner.bus.ask(&inner.setup, &teller, &[lxc(vmid)], wish).await.unwrap();
}

/// Takes a guest: three steps are to go.
pub(super) async fn claim(site: &Site, vmid: u64) {
    let worker = WorkerName { host: "pve1".parse().unwrap(), instance: "played".to_owned() };
    let way = vec![
        StepName::EnsureContainerDefined,
        StepName::ApplyConfigurations,
        StepName::StartContainer,
    ];
    let claim = Claim { id: format!("c{vmid}"), worker };
    tell(site, vmid, Claimed { claim, way, tools: std::collections::BTreeMap::new() }).await;
}

/// Takes the first step of a guest, in which this was said.
pub(super) async fn step(site: &Site, vmid: u64, said: &[&str]) {
    let said = said.iter().map(|line| (*line).to_owned()).collect();
    let (step, phase) = (StepName::EnsureContainerDefined, Phase::Created);
    tell(site, vmid, StepTaken { step, phase, changes: Vec::new(), took_ms: 20, said }).await;
}

/// Asks a human about a guest that was taken.
pub(super) async fn ask(site: &Site, vmid: u64, question: &str) {
    claim(site, vmid).await;
    block(site, vmid, question, &format!("look: {EVIL}")).await;
}

/// Has a guest wait for a human.
pub(super) async fn block(site: &Site, vmid: u64, question: &str, advice: &str) {
    let (question, advice) = (question.to_owned(), advice.to_owned());
    tell(site, vmid, Blocked { obstacle: Obstacle::Question { question, advice } }).await;
}

/// Gives a guest up, and returns the number of its letter.
pub(super) async fn give_up(site: &Site, vmid: u64, what: &str) -> u64 {
    claim(site, vmid).await;
    let failure = Failure {
        step: Some(StepName::EnsureContainerDefined),
        change: None,
        what: what.to_owned(),
        advice: None,
        output: Some(format!("printed: {what}")),
        verdict: Verdict::GiveUp,
        remedy: phoenix_domain::Remedy::Retry,
        at: Utc::now(),
    };
    tell(site, vmid, StepFailed { failure }).await;
    tell(site, vmid, Failed { why: what.to_owned() }).await;
    let state = site.inner.state(lxc(vmid)).await;
    let about = format!("lxc-{vmid}/{}", state.desired.revision);
    let letter = site.inner.bus.file_guest(&state, what, &about, Utc::now()).await.unwrap();
    tell(site, vmid, DeadLettered { letter }).await;
    letter
}

/// A monitor that says what the test wants it to say.
pub(super) struct Monitor {
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

/// What it says, how often it was asked, and what it was ordered.
struct Told {
    outlook: Outlook,
    asked: usize,
    orders: Vec<Word>,
}

impl Monitor {
    /// Plays one that finds these guests well.
    pub(super) async fn new(site: &Site, guests: &[u64]) -> Self {
        let outlook = Outlook {
            monitor: "played".to_owned(),
            version: None,
            mode: Mode::Observe,
            breaker: None,
            maintenance: Vec::new(),
            guests: guests.iter().map(|vmid| seen(lxc(*vmid))).collect(),
            incidents: Vec::new(),
            held_back: std::collections::BTreeMap::new(),
            guests_left: None,
        };
        let told = Arc::new(Mutex::new(Told { outlook, asked: 0, orders: Vec::new() }));
        let mut questions = site.inner.bus.monitor_questions().await.unwrap();
        // The server knows of it before anybody asks.
        site.inner
            .bus
            .ask_monitor(&MonitorQuestion::Health, std::time::Duration::from_millis(1))
            .await
            .ok();
        let says = Arc::clone(&told);
        let task = tokio::spawn(async move {
            while let Some(asked) = questions.next().await {
                let answer = {
                    let mut told = says.lock().unwrap();
                    if let Ok(MonitorQuestion::Order { word }) = &asked.question {
                        told.orders.push(word.clone());
                        MonitorAnswer::Agreed
                    } else {
                        told.asked += 1;
                        MonitorAnswer::Health(Box::new(told.outlook.clone()))
                    }
                };
                asked.answer(&answer).await;
            }
        });
        Self { told, task }
    }

    /// Has it find a guest to be like this.
    pub(super) fn finds(&self, vmid: u64, condition: Condition) {
        let mut told = self.told.lock().unwrap();
        for seen in told.outlook.guests.iter_mut().filter(|seen| seen.guest == lxc(vmid)) {
            for (_, at, since) in &mut seen.probes {
                (*at, *since) = (condition, Utc::now());
            }
        }
    }

    /// Has it open an incident that is called like this and says that.
    pub(super) fn opens(&self, id: &str, vmid: u64, text: &str) {
        let incident: Incident = serde_json::from_value(json!({
            "id": id, "root": { "is": "guest", "at": lxc(vmid) }, "reason": "hung", "severity": "page", "text": text,
            "opened": Utc::now(), "updated": Utc::now(), "guests": [lxc(vmid)], "evidence": [], "tried": [],
            "next": { "action": "none", "why": text },
            "commands": [{ "label": text, "line": text, "danger": "read" }],
        }))
        .unwrap();
        self.told.lock().unwrap().outlook.incidents.push(incident);
    }

    /// Returns how often it was asked how guests are.
    pub(super) fn asked(&self) -> usize {
        self.told.lock().unwrap().asked
    }

    /// Returns what it was ordered.
    pub(super) fn orders(&self) -> Vec<Word> {
        self.told.lock().unwrap().orders.clone()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn seen(guest: GuestKey) -> Seen {
    let ask = Ask::LlamaCpp { port: 8080, model: None };
    let probe = Probe::new("llama", ask);
    Seen {
        guest,
        name: format!("guest-{}", guest.vmid),
        host: "pve1".to_owned(),
        probes: vec![(probe, Condition::Healthy, Utc::now())],
        unread: std::collections::BTreeMap::new(),
        evidence: std::collections::BTreeMap::new(),
        next: None,
        took_ms: std::collections::BTreeMap::new(),
        repairs_left: None,
    }
}
