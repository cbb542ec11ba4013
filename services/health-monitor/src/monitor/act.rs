//! The monitor that acts: what it hears goes into the watch, what comes out is carried out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{BusError, From, Lease, Memory, MonitorQuestions, Tail, Told as Logged};
use phoenix_domain::health::{
    Ask, DockerStarts, Duty, Found, Heard, HostFacts, Limits, Patient, Probe, Reason, SelfCheck,
    Watch,
};
use phoenix_domain::{Event, GuestKey, GuestSpec, Record};
use phoenix_secrets::Secrets;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::inside::{self, Inside};
use super::keys::Keys;
use super::took::Took;
use super::{Monitor, now, patient};
use crate::over::Over;
use crate::probes::Asker;
use crate::schedule::{self, Rhythm, Schedule};
use crate::wanted;

/// How often hosts are looked at, and the monitor itself.
const HOSTS: Duration = Duration::from_secs(5);
/// How often it is seen whose time it is to be looked into.
const LOOK: Duration = Duration::from_secs(1);
/// How often the checks inside of a guest are made.
const CHECKS: TimeDelta = TimeDelta::seconds(60);
/// How soon a silent service, or one whose address is not known, is looked for again from inside.
const LOOKS: TimeDelta = TimeDelta::seconds(5);
/// How many guests are looked into at once.
const AT_ONCE: usize = 16;

/// A guest, as far as the monitor knows it beside the watch.
pub(super) struct Known {
    pub(super) record: Record,
    /// The revision of the repair that was asked for last: the log may be further than what it told.
    pub(super) asked: u64,
    pub(super) want: GuestSpec,
    /// What it is asked.
    pub(super) probes: Vec<Probe>,
    started: Option<DateTime<Utc>>,
    /// Where its services answer, where that is not at its own address.
    pub(super) elsewhere: BTreeMap<String, String>,
    /// The starts of its containers of Docker that were seen so far.
    pub(super) docker: DockerStarts,
    /// When it was last looked into, or begun to be.
    looked: Option<DateTime<Utc>>,
    checked: Option<DateTime<Utc>>,
    is_looked_into: bool,
    /// Whether what only the worker sees was not well the last time.
    is_ailing_inside: bool,
    /// How long its probes took last.
    pub(super) took: Took,
}

impl Known {
    /// Returns what is expected of it.
    pub(super) fn duty(&self) -> Duty {
        patient::duty(&self.record, &self.want)
    }

    /// Says whether nobody expects it to serve.
    pub(super) fn rests(&self) -> bool {
        self.duty() == Duty::Rests
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
    pub(super) asker: Asker,
    pub(super) schedule: Schedule<Asker>,
    pub(super) keys: Keys,
    /// Those that are asked nothing because nobody knows where they are, and since when.
    pub(super) lost: BTreeMap<schedule::Name, DateTime<Utc>>,
    looks: JoinSet<Inside>,
    /// The guests that somebody wants asked now.
    pub(super) probings: JoinSet<()>,
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
        let period = monitor.clock.really(Duration::from_secs(monitor.settings.period));
        let rhythm = Rhythm { period, ..Rhythm::default() };
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let asker = monitor.asker();
        Ok(Self {
            monitor,
            watch,
            memory,
            guests: BTreeMap::new(),
            lease,
            tail,
            questions,
            schedule: Schedule::new(asker.clone(), rhythm, seed),
            asker,
            keys: Keys::new(Secrets::new(monitor.settings.secrets.settings())),
            lost: BTreeMap::new(),
            looks: JoinSet::new(),
            probings: JoinSet::new(),
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
        let clock = self.monitor.clock;
        let mut hosts = interval(clock.really(HOSTS));
        let mut looks = interval(clock.really(LOOK));
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
                Some(_) = self.probings.join_next() => {}
                Some(looked) = self.looks.join_next() => {
                    if let Ok(inside) = looked {
                        self.hear_inside(inside).await?;
                    }
                }
                Some(kept) = self.keys.next() => self.hear_key(&kept).await?,
                asked = self.questions.next() => match asked {
                    Some(asked) => self.answer(asked).await?,
                    None => return Err(Over::Asked),
                },
                _ = hosts.tick(), if self.is_caught_up => {
                    self.hear_hosts().await?;
                    self.hear_lost().await?;
                    self.look_at_itself().await?;
                }
                _ = looks.tick(), if self.is_caught_up => {
                    self.look_inside();
                    self.keys.retry();
                }
                () = sleep_until(tick) => self.hear(Heard::Tick).await?,
            }
        }
    }

    fn next_tick(&self) -> Instant {
        let (later, clock) = (Duration::from_secs(1), self.monitor.clock);
        let wait = self.watch.next_tick().map(|at| at - clock.now());
        let wait = wait.and_then(|wait| wait.to_std().ok().or(Some(Duration::from_millis(100))));
        let wait = wait.unwrap_or(later).clamp(Duration::from_millis(50), later);
        Instant::now() + clock.really(wait)
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
                info!(guests = self.guests.len(), "every guest's state is known");
                self.go_on_with_repairs().await
            }
            // What was known is of another world.
            Logged::Rewound => Err(Over::Displaced),
        }
    }

    async fn hear_event(&mut self, event: Event) -> Result<(), Over> {
        // How a guest came to where it is was seen by whoever watched then.
        if !self.is_caught_up && self.tail.is_within_a_row() {
            return Ok(());
        }
        let guest = event.state.guest;
        let was_worked_on = self.watch.known_until(guest).is_some_and(|known| event.time > known);
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
            probes: wanted::probes(&want),
            want,
            started,
            elsewhere: self.watch.elsewhere(guest),
            looked: None,
            checked: before.as_ref().and_then(|known| known.checked),
            is_looked_into: before.as_ref().is_some_and(|known| known.is_looked_into),
            is_ailing_inside: before.as_ref().is_some_and(|known| known.is_ailing_inside),
            took: before.as_ref().map(|known| known.took.clone()).unwrap_or_default(),
            docker: before.map(|known| known.docker).unwrap_or_default(),
            record,
        };
        let heard = patient::patient(&known.record, &known.want, known.started);
        self.guests.insert(guest, known);
        if was_worked_on && heard.duty == Duty::Serves {
            // While nobody watched: a failure is looked at anew, as if it had been seen.
            let at_work = Patient { duty: Duty::AtWork, ..heard.clone() };
            self.hear(Heard::Guest(Box::new(at_work))).await?;
        }
        self.hear(Heard::Guest(Box::new(heard))).await?;
        self.place_endpoints(guest);
        if self.is_caught_up { self.hear_outcome(guest).await } else { Ok(()) }
    }

    fn forget(&mut self, guest: GuestKey) {
        self.guests.remove(&guest);
        self.remove_endpoints(guest);
    }

    async fn hear_reading(&mut self, heard: schedule::Heard) -> Result<(), Over> {
        let schedule::Heard { guest, probe, reading } = heard;
        if reading.found == Found::Unasked(Reason::ProbeAuth) {
            self.was_not_let_in(guest, &probe);
        }
        let is_silent = matches!(reading.found, Found::Silent(_) | Found::Failing(_));
        if let Some(known) = self.guests.get_mut(&guest) {
            known.took.note(&probe, &reading);
            // Only from inside can a dead service be told from one on its way up.
            let now = self.monitor.clock.now();
            if is_silent && known.looked.is_some_and(|looked| now - looked >= LOOKS) {
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
            let serves = known.duty() == Duty::Serves;
            let is_due = known.checked.is_none_or(|checked| now - checked >= CHECKS);
            let is_pressing = known.is_ailing_inside || known.is_nowhere();
            let is_close = is_pressing && known.looked.is_some_and(|looked| now - looked >= LOOKS);
            let is_wanted = is_due || is_close || known.looked.is_none();
            if !serves || known.is_looked_into || !is_wanted {
                continue;
            }
            known.is_looked_into = true;
            known.looked = Some(now);
            if is_due {
                known.checked = Some(now);
            }
            let checks = is_due && known.probes.iter().any(|probe| probe.ask == Ask::Inside);
            let (bus, clock) = (self.monitor.bus.clone(), self.monitor.clock);
            let (host, want) = (known.record.desired.host.clone(), known.want.clone());
            self.looks.spawn(inside::look(bus, clock, host, *guest, want, checks));
        }
    }

    async fn hear_inside(&mut self, inside: Inside) -> Result<(), Over> {
        let guest = inside.guest;
        let Some(known) = self.guests.get_mut(&guest) else { return Ok(()) };
        known.is_looked_into = false;
        let elsewhere = inside.elsewhere.iter();
        let elsewhere = elsewhere.map(|(feature, url)| (feature.to_string(), url.clone()));
        let before = known.elsewhere.clone();
        // What is not named does not answer anywhere: it is asked where it answered last.
        known.elsewhere.extend(elsewhere);
        let has_moved = known.elsewhere != before;
        let mut heard = Vec::new();
        for (feature, process) in &inside.processes {
            for probe in wanted::of_feature(&known.probes, feature.as_str()) {
                let (probe, process) = (Arc::from(&*probe.name), *process);
                heard.push(Heard::Process { guest, probe, process });
            }
        }
        known.is_ailing_inside = false;
        for probe in &known.probes {
            let Some(reading) = inside.reading(&probe.ask, &mut known.docker) else { continue };
            known.took.note(&probe.name, &reading);
            known.is_ailing_inside |= matches!(reading.found, Found::Failing(_))
                && matches!(probe.ask, Ask::Docker { .. });
            heard.push(Heard::Reading { guest, probe: Arc::from(&*probe.name), reading });
        }
        if has_moved {
            let at = known.elsewhere.clone();
            self.hear(Heard::Elsewhere { guest, at }).await?;
            self.place_endpoints(guest);
        }
        for heard in heard {
            self.hear(heard).await?;
        }
        Ok(())
    }

    /// Hears of all hosts whether their workers are there, and what those find of them.
    async fn hear_hosts(&mut self) -> Result<(), Over> {
        let now = now();
        for report in self.monitor.bus.hosts().await? {
            let is_alive = report.is_alive(now);
            let facts = HostFacts { host: report.host, is_alive, facts: report.facts };
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
}
