//! The monitor that acts: what it hears goes into the watch, what comes out is carried out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{BusError, From, Lease, Memory, MonitorQuestions, Tail, Told as Logged};
use phoenix_domain::health::{
    Ask, Duty, Found, Heard, HostFacts, Limits, Reading, SelfCheck, Watch,
};
use phoenix_domain::{Event, GuestKey, GuestSpec, Record};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::inside::{self, Inside};
use super::{Monitor, Over, now, patient};
use crate::probes::{Asker, Pace};
use crate::schedule::{self, Endpoint, Rhythm, Schedule};

/// How often hosts are looked at, and the monitor itself.
const HOSTS: Duration = Duration::from_secs(5);
/// How often the checks inside of a guest are made.
const CHECKS: TimeDelta = TimeDelta::seconds(60);
/// How soon a silent service is looked at again from inside.
const LOOKS: TimeDelta = TimeDelta::seconds(5);
/// How many guests are looked into at once.
const AT_ONCE: usize = 16;

/// A guest, as far as the monitor knows it beside the watch.
pub(super) struct Known {
    pub(super) record: Record,
    /// The revision of the repair that was asked for last: the log may be further than what it told.
    pub(super) asked: u64,
    want: GuestSpec,
    started: Option<DateTime<Utc>>,
    /// Where its services answer, where that is not at its own address.
    elsewhere: BTreeMap<String, String>,
    /// When it was last looked into, or begun to be.
    looked: Option<DateTime<Utc>>,
    checked: Option<DateTime<Utc>>,
    is_looked_into: bool,
}

impl Known {
    /// Says whether nobody expects it to serve.
    pub(super) fn rests(&self) -> bool {
        patient::duty(&self.record, &self.want) == Duty::Rests
    }

    /// Returns what people call it.
    pub(super) fn name(&self) -> String {
        self.want.name.to_string()
    }

    /// Returns the name of its host.
    pub(super) fn host(&self) -> String {
        self.record.desired.host.to_string()
    }
}

/// The monitor that acts.
pub(super) struct Acting<'m> {
    pub(super) monitor: &'m Monitor,
    pub(super) watch: Watch,
    pub(super) memory: Memory,
    pub(super) guests: BTreeMap<GuestKey, Known>,
    lease: Lease,
    tail: Tail,
    questions: MonitorQuestions,
    pub(super) schedule: Schedule<Asker>,
    looks: JoinSet<Inside>,
    is_caught_up: bool,
}

impl<'m> Acting<'m> {
    /// Goes on where the last one that acted ended.
    pub(super) async fn begin(monitor: &'m Monitor, lease: Lease) -> Result<Self, BusError> {
        let (memory, pieces) = monitor.bus.memory().await?;
        debug!(pieces = pieces.len(), "what was kept");
        let watch = Watch::restore(Limits::default(), pieces, monitor.clock.now());
        let tail = monitor.bus.tail(From::LastOfEach).await?;
        let questions = monitor.bus.monitor_questions().await?;
        let rhythm =
            Rhythm { period: Duration::from_secs(monitor.settings.period), ..Rhythm::default() };
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let asker = Asker::new(monitor.clock, Pace::default());
        Ok(Self {
            monitor,
            watch,
            memory,
            guests: BTreeMap::new(),
            lease,
            tail,
            questions,
            schedule: Schedule::new(asker, rhythm, seed),
            looks: JoinSet::new(),
            is_caught_up: false,
        })
    }

    /// Acts until something ends it.
    pub(super) async fn until_over(&mut self, shutdown: &CancellationToken) -> Over {
        match self.work(shutdown).await {
            Ok(never) => match never {},
            Err(over) => over,
        }
    }

    /// Gives back what others wait for.
    pub(super) async fn end(self, over: &Over) {
        if let Over::Asked = over
            && let Err(err) = self.lease.give_back().await
        {
            debug!(%err, "the lease was not given back; it ends by itself");
        }
    }

    async fn work(&mut self, shutdown: &CancellationToken) -> Result<Infallible, Over> {
        let mut renewal = interval(Lease::PULSE);
        let mut hosts = interval(HOSTS);
        let mut looks = interval(Duration::from_secs(1));
        for pulse in [&mut renewal, &mut hosts, &mut looks] {
            pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            let tick = self.next_tick();
            tokio::select! {
                () = shutdown.cancelled() => return Err(Over::Asked),
                _ = renewal.tick() => {
                    if !self.lease.renew().await? {
                        return Err(Over::Displaced);
                    }
                }
                logged = self.tail.next() => self.hear_log(logged).await?,
                heard = self.schedule.next(), if !self.schedule.is_empty() => {
                    self.hear_reading(heard).await?;
                }
                Some(looked) = self.looks.join_next() => {
                    if let Ok(inside) = looked {
                        self.hear_inside(inside).await?;
                    }
                }
                asked = self.questions.next() => match asked {
                    Some(asked) => self.answer(asked).await?,
                    None => return Err(Over::Asked),
                },
                _ = hosts.tick(), if self.is_caught_up => {
                    self.hear_hosts().await?;
                    self.look_at_itself().await?;
                }
                _ = looks.tick(), if self.is_caught_up => self.look_inside(),
                () = sleep_until(tick) => self.hear(Heard::Tick).await?,
            }
        }
    }

    fn next_tick(&self) -> Instant {
        let later = Duration::from_secs(1);
        let wait = self.watch.next_tick().map(|at| at - self.monitor.clock.now());
        let wait = wait.and_then(|wait| wait.to_std().ok().or(Some(Duration::from_millis(100))));
        Instant::now() + wait.unwrap_or(later).clamp(Duration::from_millis(50), later)
    }

    /// Has the watch hear something, and carries out what follows.
    pub(super) async fn hear(&mut self, heard: Heard) -> Result<(), Over> {
        let told = self.watch.hear(heard, self.monitor.clock.now());
        self.carry_out(told).await
    }

    async fn hear_log(&mut self, logged: Logged) -> Result<(), Over> {
        match logged {
            Logged::Event { event, .. } => self.hear_event(*event).await,
            Logged::Unreadable(letter) => {
                warn!(guest = ?letter.guest, "what is in the log is not ours; that guest is not watched");
                Ok(())
            }
            Logged::CaughtUp => {
                self.is_caught_up = true;
                self.hear(Heard::AllNamed).await?;
                self.go_on_with_repairs().await
            }
            // What was known is of another world.
            Logged::Rewound => Err(Over::Displaced),
        }
    }

    async fn hear_event(&mut self, event: Event) -> Result<(), Over> {
        let guest = event.state.guest;
        let want = match event.state.desired.spec.read() {
            Ok(want) => want,
            Err(err) => {
                warn!(%guest, %err, "its spec cannot be read by this version; it is not watched");
                return Ok(());
            }
        };
        if event.state.is_complete() && !event.state.desired.goal.leaves_a_guest() {
            self.forget(guest);
            return self.hear(Heard::Gone(guest)).await;
        }
        let before = self.guests.remove(&guest);
        let started = if self.is_caught_up && patient::starts(&event) {
            Some(self.monitor.clock.now())
        } else {
            before.as_ref().and_then(|known| known.started)
        };
        let record = event.state;
        let known = Known {
            asked: before.as_ref().map_or(0, |known| known.asked),
            want,
            started,
            elsewhere: before.as_ref().map(|known| known.elsewhere.clone()).unwrap_or_default(),
            looked: None,
            checked: before.as_ref().and_then(|known| known.checked),
            is_looked_into: before.is_some_and(|known| known.is_looked_into),
            record,
        };
        let heard = patient::patient(&known.record, &known.want, known.started);
        self.guests.insert(guest, known);
        self.hear(Heard::Guest(Box::new(heard))).await?;
        self.place_endpoints(guest);
        if self.is_caught_up { self.hear_outcome(guest).await } else { Ok(()) }
    }

    fn forget(&mut self, guest: GuestKey) {
        self.guests.remove(&guest);
        self.remove_endpoints(guest);
    }

    fn remove_endpoints(&mut self, guest: GuestKey) {
        let names: Vec<_> = self.schedule.names().filter(|(of, _)| *of == guest).cloned().collect();
        for name in &names {
            self.schedule.remove(name);
        }
    }

    /// Has the services of a guest asked where they answer now.
    fn place_endpoints(&mut self, guest: GuestKey) {
        let Some(known) = self.guests.get(&guest) else { return };
        if patient::duty(&known.record, &known.want) == Duty::Rests {
            self.remove_endpoints(guest);
            return;
        }
        let address = known.record.work.addresses.first().copied();
        let heard = patient::patient(&known.record, &known.want, None);
        for mut probe in heard.probes {
            let elsewhere = known.elsewhere.get(&*probe.name).and_then(|url| place(url));
            let at = match (elsewhere, address) {
                (Some((at, port)), _) => {
                    probe.ask = at_port(probe.ask, port);
                    Some(at)
                }
                (None, address) => address,
            };
            let name = (guest, probe.name.clone());
            match at.filter(|_| probe.ask.port().is_some()) {
                Some(at) => self.schedule.add(Endpoint { guest, at, probe, key: None }),
                None => self.schedule.remove(&name),
            }
        }
    }

    async fn hear_reading(&mut self, heard: schedule::Heard) -> Result<(), Over> {
        let schedule::Heard { guest, probe, reading } = heard;
        let is_silent = matches!(reading.found, Found::Silent(_) | Found::Failing(_));
        if is_silent && let Some(known) = self.guests.get_mut(&guest) {
            // Only from inside can a dead service be told from one on its way up.
            let now = self.monitor.clock.now();
            if known.looked.is_some_and(|looked| now - looked >= LOOKS) {
                known.looked = None;
            }
        }
        self.hear(Heard::Reading { guest, probe: Arc::from(probe), reading }).await
    }

    /// Looks into those guests whose time it is.
    fn look_inside(&mut self) {
        let now = self.monitor.clock.now();
        for (guest, known) in &mut self.guests {
            if self.looks.len() >= AT_ONCE {
                return;
            }
            let serves = patient::duty(&known.record, &known.want) == Duty::Serves;
            let checks = known.checked.is_none_or(|checked| now - checked >= CHECKS);
            if !serves || known.is_looked_into || (known.looked.is_some() && !checks) {
                continue;
            }
            known.is_looked_into = true;
            known.looked = Some(now);
            if checks {
                known.checked = Some(now);
            }
            let (bus, clock) = (self.monitor.bus.clone(), self.monitor.clock);
            let (host, want) = (known.record.desired.host.clone(), known.want.clone());
            self.looks.spawn(inside::look(bus, clock, host, *guest, want, checks));
        }
    }

    async fn hear_inside(&mut self, inside: Inside) -> Result<(), Over> {
        let Inside { guest, processes, elsewhere, reading } = inside;
        let Some(known) = self.guests.get_mut(&guest) else { return Ok(()) };
        known.is_looked_into = false;
        let elsewhere = elsewhere.into_iter().map(|(feature, url)| (feature.to_string(), url));
        let before = known.elsewhere.clone();
        // What is not named does not answer anywhere: it is asked where it answered last.
        known.elsewhere.extend(elsewhere);
        if known.elsewhere != before {
            self.place_endpoints(guest);
        }
        for (feature, process) in processes {
            let probe = Arc::from(feature.as_str());
            self.hear(Heard::Process { guest, probe, process }).await?;
        }
        let Some(reading) = reading else { return Ok(()) };
        self.hear(Heard::Reading { guest, probe: Arc::from("inside"), reading }).await
    }

    /// Hears of all hosts whether their workers are there.
    async fn hear_hosts(&mut self) -> Result<(), Over> {
        let now = now();
        for report in self.monitor.bus.hosts().await? {
            let facts = HostFacts {
                host: report.host.clone(),
                is_alive: report.is_alive(now),
                broken_gpus: Vec::new(),
                broken_bridges: Vec::new(),
                broken_storages: Vec::new(),
                busy: Vec::new(),
            };
            self.hear(Heard::Host(Box::new(facts))).await?;
        }
        Ok(())
    }

    /// Hears how the monitor itself is.
    async fn look_at_itself(&mut self) -> Result<(), Over> {
        let pulse = self.schedule.pulse();
        let lag = pulse.late(0.99).max(pulse.stood_still);
        let few = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let check = SelfCheck {
            lag: TimeDelta::from_std(lag).unwrap_or(TimeDelta::MAX),
            bus_lag: TimeDelta::zero(),
            asked: few(pulse.asked),
            timed_out: few(pulse.timed_out),
        };
        self.hear(Heard::Monitor(check)).await
    }

    /// Asks a guest now, by each of its probes.
    pub(super) async fn probe_now(
        &mut self,
        guest: GuestKey,
    ) -> Option<Vec<(phoenix_domain::health::Probe, Reading)>> {
        let known = self.guests.get(&guest)?;
        let address = known.record.work.addresses.first().copied();
        let asker = Asker::new(self.monitor.clock, Pace::default());
        let mut readings = Vec::new();
        for mut probe in patient::patient(&known.record, &known.want, None).probes {
            if probe.ask == Ask::Inside {
                let (bus, clock) = (self.monitor.bus.clone(), self.monitor.clock);
                let (host, want) = (known.record.desired.host.clone(), known.want.clone());
                let inside = inside::look(bus, clock, host, guest, want, true).await;
                readings.extend(inside.reading.map(|reading| (probe, reading)));
                continue;
            }
            let elsewhere = known.elsewhere.get(&*probe.name).and_then(|url| place(url));
            if let Some((_, port)) = elsewhere {
                probe.ask = at_port(probe.ask, port);
            }
            let reading = match elsewhere.map(|(at, _)| at).or(address) {
                Some(at) => {
                    asker.ask(at, &probe, None, &mut crate::probes::Memory::default()).await
                }
                None => asker.unasked(
                    &probe,
                    phoenix_domain::health::Reason::Unreachable,
                    "no address of the guest is known",
                ),
            };
            readings.push((probe, reading));
        }
        Some(readings)
    }
}

/// Reads where a service answers.
fn place(url: &str) -> Option<(IpAddr, u16)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
    Some((host.parse().ok()?, port.parse().ok()?))
}

/// Returns the same question to another port.
fn at_port(ask: Ask, at: u16) -> Ask {
    match ask {
        Ask::Vllm { model, .. } => Ask::Vllm { port: at, model },
        Ask::Qdrant { collections, .. } => Ask::Qdrant { port: at, collections },
        Ask::Ollama { models, needs_gpu, .. } => Ask::Ollama { port: at, models, needs_gpu },
        Ask::LlamaCpp { model, .. } => Ask::LlamaCpp { port: at, model },
        Ask::Http { path, status, contains, .. } => Ask::Http { port: at, path, status, contains },
        Ask::Tcp { .. } => Ask::Tcp { port: at },
        Ask::Postgresql { .. } => Ask::Postgresql { port: at },
        Ask::Redis { .. } => Ask::Redis { port: at },
        Ask::Nginx { path, .. } => Ask::Nginx { port: at, path },
        Ask::Inside => Ask::Inside,
    }
}
