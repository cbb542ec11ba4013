//! The monitor's own probes and rules.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{
    Duty, Facts, Heard, HostFacts, Limits, Maintenance, Mode, Order, Outcome, Patient, Probe,
    Process, Selector, SelfCheck, Severity, Told, Watch, Word,
};
use phoenix_health_monitor::probes::{Asker, Clock, Memory, Pace};

use super::fault::{Fault, Seen, Trouble};
use super::row::{Done, Wanted};
use super::stage::Stage;

const PROBE: &str = "service";

struct Ours<'f> {
    fault: &'f Fault,
    stage: Stage<'f>,
    watch: Watch,
    clock: Clock,
    asker: Asker,
    patients: Vec<Patient>,
    memories: Vec<Memory>,
    ordered: Vec<Order>,
    /// Grows while a process is seen to do something.
    stir: u64,
    done: Done,
}

pub(crate) async fn play(fault: &Fault) -> Done {
    let stage = Stage::set(fault).await;
    let clock = Clock::starting(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let patients: Vec<_> = (0..fault.guests).map(|nth| patient(fault, &stage, nth)).collect();
    let mut ours = Ours {
        fault,
        stage,
        watch: Watch::new(Limits::default(), clock.now()),
        clock,
        asker: Asker::new(clock, Pace::default()),
        memories: patients.iter().map(|_| Memory::default()).collect(),
        patients,
        ordered: Vec::new(),
        stir: 0,
        done: Done::default(),
    };
    ours.hear(Heard::Human(Word::Mode { guest: None, mode: Mode::On }));
    for patient in ours.patients.clone() {
        ours.hear(Heard::Guest(Box::new(patient)));
    }
    ours.hear(Heard::AllNamed);
    while ours.stage.next().await {
        ours.round().await;
    }
    ours.done
}

fn key(nth: usize) -> GuestKey {
    format!("lxc-{}", 950 + nth).parse().unwrap()
}

/// Guests of one host, which have nothing else in common.
fn patient(fault: &Fault, stage: &Stage<'_>, nth: usize) -> Patient {
    let ask = (fault.ask)(stage.port(nth));
    Patient {
        guest: key(nth),
        name: format!("guest{nth}").parse().unwrap(),
        host: "pve1".parse().unwrap(),
        gpus: vec![0],
        bridges: vec!["vmbr0".parse().unwrap()],
        storages: vec!["tank".parse().unwrap()],
        template: None,
        dependencies: vec![],
        means: fault.service.means,
        mode: None,
        probes: vec![Probe::new(PROBE, ask)],
        duty: Duty::Serves,
        started: None,
    }
}

impl Ours<'_> {
    async fn round(&mut self) {
        self.tell_of_the_world();
        self.stir += 1;
        for nth in 0..self.patients.len() {
            if let Some(process) = self.process(nth) {
                self.hear(Heard::Process { guest: key(nth), probe: PROBE.into(), process });
            }
            let at = IpAddr::from([127, 0, 0, 1]);
            let probe = self.patients[nth].probes[0].clone();
            let question = self.asker.ask(at, &probe, None, &mut self.memories[nth]);
            let reading = self.stage.ask(nth, question).await;
            self.hear(Heard::Reading { guest: key(nth), probe: PROBE.into(), reading });
        }
        while self.watch.next_tick().is_some_and(|at| at <= self.clock.now()) {
            self.hear(Heard::Tick);
        }
        for order in std::mem::take(&mut self.ordered) {
            self.repair(order).await;
        }
        self.look();
    }

    /// Says how the host and the monitor are, and what people are at.
    fn tell_of_the_world(&mut self) {
        let trouble = self.fault.trouble.filter(|_| self.stage.is_sick());
        let has = |what| trouble == Some(what);
        let facts = Facts {
            broken_gpus: if has(Trouble::Gpu) { vec![0] } else { vec![] },
            broken_bridges: if has(Trouble::Bridge) {
                vec!["vmbr0".parse().unwrap()]
            } else {
                vec![]
            },
            broken_storages: if has(Trouble::Storage) {
                vec!["tank".parse().unwrap()]
            } else {
                vec![]
            },
            busy: if has(Trouble::Backup) { vec![key(0)] } else { vec![] },
        };
        let (host, is_alive) = ("pve1".parse().unwrap(), !has(Trouble::Host));
        self.hear(Heard::Host(Box::new(HostFacts { host, is_alive, facts })));
        let lag = TimeDelta::seconds(if has(Trouble::Monitor) { 5 } else { 0 });
        let (asked, timed_out) = (100, 0);
        let bus_lag = TimeDelta::zero();
        self.hear(Heard::Monitor(SelfCheck { lag, bus_lag, asked, timed_out }));
        let duty = if has(Trouble::Worker) { Duty::AtWork } else { Duty::Serves };
        if self.patients[0].duty != duty {
            self.patients[0].duty = duty;
            self.hear(Heard::Guest(Box::new(self.patients[0].clone())));
        }
        if has(Trouble::Maintenance) && self.watch.guards().windows().is_empty() {
            let from = self.clock.now();
            self.hear(Heard::Human(Word::Maintenance(Maintenance {
                id: "m".into(),
                selector: Selector::All,
                from,
                to: from + TimeDelta::hours(2),
                who: "ops".to_owned(),
                why: "new disks".to_owned(),
                is_warned: false,
            })));
        }
    }

    /// Returns what the worker sees of the process of a service.
    fn process(&self, nth: usize) -> Option<Process> {
        let alive = |stir, restarts| Some(Process::Alive { stir, restarts });
        if !self.stage.ails(nth) {
            return alive(self.stir, 0);
        }
        match self.fault.seen {
            Seen::Nobody => None,
            Seen::Gone => Some(Process::Gone),
            Seen::GivenUp => Some(Process::GivenUp),
            Seen::Still => alive(0, 0),
            Seen::Busy => alive(self.stir, 0),
            Seen::Again => alive(0, u32::try_from(self.stir).unwrap()),
        }
    }

    fn hear(&mut self, heard: Heard) {
        for told in self.watch.hear(heard, self.clock.now()) {
            match told {
                Told::Repair { order, .. } => {
                    self.done.repairs.push(order.rung);
                    self.ordered.push(order);
                }
                Told::Opened(incident) => {
                    self.done.incidents += 1;
                    self.done.is_human_called |= incident.severity == Severity::Page;
                }
                Told::Updated(incident) => {
                    self.done.is_human_called |= incident.severity == Severity::Page;
                }
                Told::Turned { .. }
                | Told::Resolved(_)
                | Told::Held { .. }
                | Told::MaintenanceEnds(_)
                | Told::MaintenanceOver(_)
                | Told::Declined { .. } => {}
            }
        }
    }

    async fn repair(&mut self, order: Order) {
        let nth = (0..self.patients.len()).find(|nth| key(*nth) == order.guest).unwrap();
        self.stage.repair(nth, order.rung).await;
        self.hear(Heard::Outcome { order, outcome: Outcome::Done });
        self.patients[nth].started = Some(self.clock.now());
        self.hear(Heard::Guest(Box::new(self.patients[nth].clone())));
    }

    /// Takes down as what the fault is found.
    fn look(&mut self) {
        if self.done.found.is_some() || !self.stage.is_sick() {
            return;
        }
        let ground = self.watch.incidents().find(|_| self.fault.wanted == Wanted::OneIncident);
        let of_ground = ground.map(|incident| incident.root.to_string());
        let of_guest = self.watch.conditions(key(0)).next().and_then(|(_, at, _)| {
            at.reason().filter(|_| self.fault.wanted != Wanted::OneIncident)?;
            Some(at.to_string())
        });
        let found = of_ground.or(of_guest);
        self.done.found = found.map(|what| (self.stage.seconds(), what));
    }
}
