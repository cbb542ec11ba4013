//! Somebody who plays a worker: tells the log what a worker would, and touches no host.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use chrono::Utc;
use phoenix_bus::{Appended, Bus, Durability, From, HostReport, Setup, Teller, Told};
use phoenix_domain::health::Facts;
use phoenix_domain::{
    Blocked, Claim, Claimed, Completed, DeadLettered, Event, Fact, Failed, Failure, GuestKey,
    Obstacle, Phase, Record, Requested, RetryWait, StepFailed, StepName, StepTaken, Verdict,
    WorkerName,
};
use tokio::runtime::Runtime;

use crate::nats::NatsServer;

/// The way of every guest here.
const WAY: [StepName; 3] =
    [StepName::EnsureContainerDefined, StepName::ApplyConfigurations, StepName::StartContainer];

/// Plays a worker.
#[derive(Debug)]
pub struct Actor {
    runtime: Runtime,
    bus: Bus,
    setup: Setup,
    worker: WorkerName,
}

impl Actor {
    /// Begins to play the worker of host `pve1`; the streams are made.
    pub fn new(server: &NatsServer) -> Self {
        let runtime = Runtime::new().unwrap();
        let (bus, setup) = runtime.block_on(async {
            let bus = server.bus().await;
            let setup = bus.set_up(Durability::Synced).await.unwrap();
            (bus, setup)
        });
        let worker = WorkerName { host: "pve1".parse().unwrap(), instance: "played".to_owned() };
        Self { runtime, bus, setup, worker }
    }

    /// Says that the worker is there.
    pub fn report(&self) {
        self.say(false);
    }

    /// Says that the worker ends.
    pub fn leave(&self) {
        self.say(true);
    }

    fn say(&self, is_leaving: bool) {
        let report = HostReport {
            host: self.worker.host.clone(),
            instance: self.worker.instance.clone(),
            version: "0".to_owned(),
            started: Utc::now(),
            heard: Utc::now(),
            is_leaving,
            busy: 0,
            inventory: serde_json::Value::Null,
            facts: Facts::default(),
            drained: None,
            waits: std::collections::BTreeMap::new(),
        };
        self.runtime.block_on(self.bus.report(&report)).unwrap();
    }

    /// Takes a guest.
    pub fn claim(&self, guest: &str) {
        let claim = Claim { id: "c1".to_owned(), worker: self.worker.clone() };
        self.tell(
            guest,
            Claimed { claim, way: WAY.to_vec(), tools: std::collections::BTreeMap::new() },
        );
    }

    /// Takes the first step of a guest.
    pub fn step(&self, guest: &str) {
        self.tell(
            guest,
            StepTaken {
                step: StepName::EnsureContainerDefined,
                phase: Phase::Created,
                changes: vec!["made container 900".to_owned()],
                took_ms: 1200,
                said: Vec::new(),
            },
        );
    }

    /// Takes a guest, and completes it.
    pub fn complete(&self, guest: &str) {
        self.claim(guest);
        self.step(guest);
        self.tell(
            guest,
            Completed {
                changes: 1,
                took_ms: 2500,
                addresses: Vec::new(),
                upstreams: None,
                set_aside: None,
            },
        );
    }

    /// Takes a guest, and fails at its second step.
    pub fn fail(&self, guest: &str) {
        self.claim(guest);
        self.step(guest);
        self.tell(guest, StepFailed { failure: failure() });
    }

    /// Fails a guest, and says that it is tried again after so many seconds.
    pub fn fail_and_wait(&self, guest: &str, seconds: i64) {
        self.fail(guest);
        let at = Utc::now() + chrono::TimeDelta::seconds(seconds);
        self.tell(guest, RetryWait { at, attempt: 2, of: 8 });
    }

    /// Fails a guest for good, and files its letter. Returns the number of that.
    pub fn give_up(&self, guest: &str) -> u64 {
        self.fail(guest);
        self.tell(guest, Failed { why: "tried 8 times".to_owned() });
        let state = self.runtime.block_on(self.bus.end(key(guest))).unwrap().unwrap().event.state;
        let about = format!("{guest}/{}", state.desired.revision);
        let filing = self.bus.file_guest(&state, "tried 8 times", &about, Utc::now());
        let letter = self.runtime.block_on(filing).unwrap();
        self.tell(guest, DeadLettered { letter });
        letter
    }

    /// Takes a guest, and asks a human.
    pub fn ask_human(&self, guest: &str) {
        self.claim(guest);
        let obstacle = Obstacle::Question {
            question: "container 900 is not ours; take it over?".to_owned(),
            advice: "give this guest another number".to_owned(),
        };
        self.tell(guest, Blocked { obstacle });
    }

    /// Asks for a guest once more, in a row with the question whether to begin, as the run `r-approve`.
    pub fn ask_before(&self, server: &NatsServer, guest: &str, question: &str) {
        let before = self.runtime.block_on(self.bus.end(key(guest))).unwrap().unwrap().event;
        let mut desired = before.state.desired.clone();
        (desired.revision, desired.run) = (desired.revision + 1, "r-approve".parse().unwrap());
        desired.cancelled = false;
        let advice = "see what it would change".to_owned();
        let obstacle = Obstacle::Question { question: question.to_owned(), advice };
        let facts: [Fact; 2] =
            [Requested { desired: Box::new(desired) }.into(), Blocked { obstacle }.into()];
        let mut row = vec![before];
        for fact in facts {
            let last = row.last().unwrap();
            let state = Record::after(Some(&last.state), key(guest), &fact).unwrap();
            let id = format!("{}{}", last.id, fact.kind());
            row.push(Event { id, fact, state, ..last.clone() });
        }
        let row = Event::write(row.split_first().unwrap().1).unwrap();
        server.publish(&format!("phoenix.log.main.{guest}"), row);
    }

    /// Says that a guest waits for another one.
    pub fn block(&self, guest: &str, by: &str) {
        let obstacle = Obstacle::Guest { guest: key(by), root: key(by) };
        self.tell(guest, Blocked { obstacle });
    }

    /// Files what is not ours and stands in the log of a guest. Returns the number of the letter.
    pub fn file_foreign(&self, server: &NatsServer, guest: &str) -> u64 {
        self.runtime.block_on(async {
            let mut tail = self.bus.tail_guest(key(guest), From::Now).await.unwrap();
            server.publish(&format!("phoenix.log.main.{guest}"), "not ours");
            loop {
                if let Told::Unreadable(foreign) = tail.next().await {
                    return self.bus.file_foreign(&foreign, Utc::now()).await.unwrap().unwrap();
                }
            }
        })
    }

    /// Tells the log of a guest something.
    pub fn tell(&self, guest: &str, fact: impl Into<Fact>) -> Vec<Appended> {
        let teller = Teller {
            source: "//pve1/phoenix/worker".to_owned(),
            traceparent: None,
            clock: Utc::now,
        };
        let (guests, fact) = ([key(guest)], fact.into());
        let asked = self.bus.ask(&self.setup, &teller, &guests, |_, _| Some(fact.clone()));
        let appended = self.runtime.block_on(asked).unwrap();
        assert!(appended.iter().all(|one| one.seq.is_some()), "{guest} was never asked for");
        appended
    }
}

fn key(guest: &str) -> GuestKey {
    guest.parse().unwrap()
}

fn failure() -> Failure {
    Failure {
        step: Some(StepName::ApplyConfigurations),
        change: Some("set memory to 512 MiB".to_owned()),
        what: "`pct set` ended with 255".to_owned(),
        advice: Some("see whether the host has that much memory".to_owned()),
        output: Some("unable to parse value of 'memory'\n\u{1b}[31mnot enough".to_owned()),
        verdict: Verdict::Retry,
        remedy: phoenix_domain::Remedy::Retry,
        at: Utc::now(),
    }
}
