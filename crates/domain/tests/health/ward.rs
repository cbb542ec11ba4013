//! A ward: guests with services that fail as told, watched in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{
    Ask, Condition, Duty, Evidence, Facts, Found, Heard, HostFacts, Incident, Limits, Means, Mode,
    Order, Outcome, Patient, Piece, Probe, Process, Progress, Reading, Reason, Rung, Severity,
    Silence, Told, Watch, Word,
};

pub(crate) const WEB: &str = "web";

pub(crate) fn time(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

pub(crate) fn key(vmid: u32) -> GuestKey {
    format!("lxc-{vmid}").parse().unwrap()
}

pub(crate) fn vllm() -> Ask {
    Ask::Vllm { port: 8000, model: None }
}

/// A guest of its own: alone on its host, its bridge and its disks.
pub(crate) fn patient(vmid: u32) -> Patient {
    Patient {
        guest: key(vmid),
        name: format!("guest{vmid}").parse().unwrap(),
        host: format!("pve{vmid}").parse().unwrap(),
        gpus: vec![],
        bridges: vec!["vmbr0".parse().unwrap()],
        storages: vec!["tank".parse().unwrap()],
        template: None,
        dependencies: vec![],
        means: Means::Expendable,
        mode: None,
        probes: vec![Probe::new(
            WEB,
            Ask::Http { port: 80, path: "/".into(), status: None, contains: None },
        )],
        duty: Duty::Serves,
        started: None,
    }
}

/// A guest among others of one host.
pub(crate) fn neighbour(vmid: u32, host: &str) -> Patient {
    Patient { host: host.parse().unwrap(), ..patient(vmid) }
}

/// What a service does.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) found: Found,
    /// What it counts: done, how much of that each reading, running, waiting.
    pub(crate) work: Option<(u64, u64, u32, u32)>,
    pub(crate) process: Option<Process>,
    /// The rung that mends it; none does, where absent.
    pub(crate) mended_by: Option<Rung>,
    /// How long after a repair it does not serve.
    pub(crate) comes_up_in: i64,
    /// How long it serves after a repair that does not mend it.
    pub(crate) relapses_after: i64,
    pub(crate) is_mute: bool,
    pub(crate) back: Option<DateTime<Utc>>,
    pub(crate) relapse: Option<DateTime<Utc>>,
}

impl Service {
    pub(crate) fn finds(found: Found) -> Self {
        Self {
            found,
            work: None,
            process: Some(Process::Alive { stir: 0, restarts: 0 }),
            mended_by: None,
            comes_up_in: 15,
            relapses_after: 0,
            is_mute: false,
            back: None,
            relapse: None,
        }
    }

    pub(crate) fn well() -> Self {
        Self::finds(Found::Serving)
    }

    pub(crate) fn failing(reason: Reason) -> Self {
        Self::finds(Found::Failing(reason))
    }

    pub(crate) fn mended_by(self, rung: Rung) -> Self {
        Self { mended_by: Some(rung), ..self }
    }

    fn read(&mut self, at: DateTime<Utc>) -> Reading {
        let is_back = self.back.is_some_and(|back| at >= back);
        let has_relapsed = self.relapse.is_none_or(|relapse| at >= relapse);
        let found = match (self.back, is_back, has_relapsed) {
            (Some(_), false, _) => Found::Silent(Silence::Refused),
            (Some(_), true, false) => Found::Serving,
            (None, ..) | (Some(_), true, true) => self.found.clone(),
        };
        if let Some((done, each, _, _)) = &mut self.work {
            *done += *each;
        }
        let progress =
            self.work.map(|(done, _, running, waiting)| Progress { done, running, waiting });
        Reading { at, found, progress, evidence: evidence() }
    }

    fn repair(&mut self, rung: Rung, at: DateTime<Utc>) {
        let back = at + TimeDelta::seconds(self.comes_up_in);
        self.back = Some(back);
        if self.mended_by == Some(rung) {
            self.found = Found::Serving;
            self.process = Some(Process::Alive { stir: 0, restarts: 0 });
            if let Some((_, each, _, _)) = &mut self.work {
                *each = 1;
            }
        }
        self.relapse = Some(back + TimeDelta::seconds(self.relapses_after));
    }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        asked: "GET /".to_owned(),
        came: "something".to_owned(),
        excerpt: String::new(),
        took_ms: 3,
    }
}

pub(crate) struct Ward {
    pub(crate) watch: Watch,
    pub(crate) second: i64,
    pub(crate) services: BTreeMap<GuestKey, Service>,
    pub(crate) patients: BTreeMap<GuestKey, Patient>,
    pub(crate) hosts: BTreeMap<String, HostFacts>,
    pub(crate) told: Vec<(i64, Told)>,
    pub(crate) repairs_take: i64,
    under_way: Vec<(i64, Order, Outcome)>,
    pub(crate) outcome: Outcome,
    /// How things stood when each repair was ordered by the rules.
    pub(crate) scenes: Vec<Scene>,
    /// Whether everything is said twice.
    pub(crate) stutters: bool,
    moved: BTreeMap<GuestKey, i64>,
    heard: BTreeMap<String, HostFacts>,
}

/// How things stood when a repair was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) second: i64,
    pub(crate) guest: GuestKey,
    pub(crate) rung: Rung,
    pub(crate) is_breaker_open: bool,
    pub(crate) mode: Mode,
    pub(crate) is_maintained: bool,
    pub(crate) condition: Condition,
    pub(crate) under_way: Vec<GuestKey>,
    pub(crate) moved: Option<i64>,
    pub(crate) duty: Duty,
    pub(crate) is_ground_well: bool,
}

impl Ward {
    pub(crate) fn new(patients: impl IntoIterator<Item = Patient>) -> Self {
        let mut ward = Self {
            watch: Watch::new(Limits::default(), time(0)),
            second: 0,
            services: BTreeMap::new(),
            patients: BTreeMap::new(),
            hosts: BTreeMap::new(),
            told: Vec::new(),
            repairs_take: 5,
            under_way: Vec::new(),
            outcome: Outcome::Done,
            scenes: Vec::new(),
            stutters: false,
            moved: BTreeMap::new(),
            heard: BTreeMap::new(),
        };
        ward.order(Word::Mode { guest: None, mode: Mode::On });
        for patient in patients {
            ward.hosts.insert(patient.host.to_string(), host(patient.host.as_str()));
            ward.services.insert(patient.guest, Service::well());
            ward.admit(patient);
        }
        ward
    }

    pub(crate) fn admit(&mut self, patient: Patient) {
        self.patients.insert(patient.guest, patient.clone());
        self.hear(Heard::Guest(Box::new(patient)));
    }

    pub(crate) fn order(&mut self, word: Word) {
        self.hear(Heard::Human(word));
    }

    pub(crate) fn hear(&mut self, heard: Heard) {
        if let Heard::Host(facts) = &heard {
            self.heard.insert(facts.host.to_string(), (**facts).clone());
        }
        let mut told = self.watch.hear(heard.clone(), time(self.second));
        if self.stutters {
            told.extend(self.watch.hear(heard, time(self.second)));
        }
        for one in told {
            if let Told::Repair { order, by, .. } = &one {
                if by.is_none() {
                    self.scenes.push(self.scene(order));
                }
                let at = self.second + self.repairs_take;
                self.under_way.push((at, order.clone(), self.outcome.clone()));
            }
            self.told.push((self.second, one));
        }
    }

    fn scene(&self, order: &Order) -> Scene {
        let guest = order.guest;
        let guards = self.watch.guards();
        let patient = &self.patients[&guest];
        let host = &self.heard[patient.host.as_str()];
        let is_failed = |parent: &GuestKey| {
            self.watch.conditions(*parent).any(|(_, condition, _)| condition.is_failed())
        };
        let now = time(self.second);
        let mut windows = guards.windows().iter();
        Scene {
            second: self.second,
            guest,
            rung: order.rung,
            is_breaker_open: guards.breaker().is_some(),
            mode: guards.mode(patient),
            is_maintained: windows
                .any(|window| window.is_on(now) && window.selector.has(guest, &patient.host)),
            condition: self.watch.conditions(guest).next().unwrap().1,
            under_way: guards.under_way().map(|order| order.guest).collect(),
            moved: self.moved.get(&guest).copied(),
            duty: patient.duty,
            is_ground_well: host.is_alive
                && host.facts.broken_bridges.is_empty()
                && !host.facts.busy.contains(&guest)
                && !patient.dependencies.iter().any(is_failed),
        }
    }

    /// Lets time pass. Each guest is read every ten seconds, not all at once, and time is told as
    /// soon as it is due.
    pub(crate) fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.second += 1;
            self.step();
        }
    }

    fn step(&mut self) {
        let second = self.second;
        if second % 10 == 1 {
            for facts in self.hosts.values().cloned().collect::<Vec<_>>() {
                self.hear(Heard::Host(Box::new(facts)));
            }
        }
        let due = self.under_way.extract_if(.., |(at, ..)| *at <= second).collect::<Vec<_>>();
        for (_, order, outcome) in due {
            if outcome == Outcome::Done
                && let Some(service) = self.services.get_mut(&order.guest)
            {
                service.repair(order.rung, time(second));
            }
            self.hear(Heard::Outcome { order, outcome });
        }
        let web: Arc<str> = WEB.into();
        let guests: Vec<GuestKey> = self.services.keys().copied().collect();
        for (index, guest) in guests.into_iter().enumerate() {
            if (i64::try_from(index).unwrap() + second) % 10 != 0 {
                continue;
            }
            let service = self.services.get_mut(&guest).unwrap();
            if service.is_mute {
                continue;
            }
            let reading = service.read(time(second));
            // The first count of a process says nothing about work done.
            if service.work.is_some_and(|(done, each, ..)| each > 0 && done > each) {
                self.moved.insert(guest, second);
            }
            if let Some(process) = service.process {
                self.hear(Heard::Process { guest, probe: web.clone(), process });
            }
            self.hear(Heard::Reading { guest, probe: web.clone(), reading });
        }
        for _ in 0..100 {
            if self.watch.next_tick().is_none_or(|at| at > time(second)) {
                return;
            }
            self.hear(Heard::Tick);
        }
        panic!("it wants to be told of the same second again and again");
    }

    /// Another watch takes over with what this one keeps.
    pub(crate) fn hand_over(&mut self) {
        let pieces: Vec<Piece> = self
            .watch
            .pieces()
            .iter()
            .map(|piece| serde_json::from_str(&serde_json::to_string(piece).unwrap()).unwrap())
            .collect();
        self.watch = Watch::restore(Limits::default(), pieces, time(self.second));
        for facts in self.hosts.values().cloned().collect::<Vec<_>>() {
            self.hear(Heard::Host(Box::new(facts)));
        }
        for patient in self.patients.values().cloned().collect::<Vec<_>>() {
            self.hear(Heard::Guest(Box::new(patient)));
        }
        self.hear(Heard::AllNamed);
    }

    pub(crate) fn service(&mut self, vmid: u32) -> &mut Service {
        self.services.get_mut(&key(vmid)).unwrap()
    }

    pub(crate) fn fail(&mut self, vmid: u32, service: Service) {
        self.services.insert(key(vmid), service);
    }

    pub(crate) fn condition(&self, vmid: u32) -> Condition {
        self.watch.conditions(key(vmid)).next().unwrap().1
    }

    /// The repairs that were ordered: when, for whom, and what.
    pub(crate) fn repairs(&self) -> Vec<(i64, GuestKey, Rung)> {
        let told = self.told.iter().filter_map(|(at, told)| {
            let Told::Repair { order, .. } = told else { return None };
            Some((*at, order.guest, order.rung))
        });
        told.collect()
    }

    pub(crate) fn rungs(&self) -> Vec<Rung> {
        self.repairs().into_iter().map(|(.., rung)| rung).collect()
    }

    pub(crate) fn opened(&self) -> Vec<Incident> {
        let told = self.told.iter().filter_map(|(_, told)| {
            let Told::Opened(incident) = told else { return None };
            Some((**incident).clone())
        });
        told.collect()
    }

    /// The incidents a human was called for, each time it was.
    pub(crate) fn pages(&self) -> Vec<Incident> {
        let mut paged = BTreeMap::new();
        for (_, told) in &self.told {
            if let Told::Opened(incident) | Told::Updated(incident) = told
                && incident.severity == Severity::Page
            {
                paged.entry(incident.id.clone()).or_insert_with(|| (**incident).clone());
            }
        }
        paged.into_values().collect()
    }

    pub(crate) fn incident(&self, vmid: u32) -> Option<&Incident> {
        let root = phoenix_domain::health::Root::Guest(key(vmid));
        self.watch.incidents().find(|incident| incident.root == root)
    }
}

pub(crate) fn host(name: &str) -> HostFacts {
    HostFacts { host: name.parse().unwrap(), is_alive: true, facts: Facts::default() }
}
