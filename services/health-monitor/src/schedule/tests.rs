use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use phoenix_domain::health::{Ask, Evidence};
use tokio::sync::Notify;
use tokio::time::{advance, timeout};

use super::*;

const PERIOD: Duration = Duration::from_secs(10);
/// Those who are asked together, and timers, which go by whole milliseconds even where time is made up.
const TICK: Duration = Duration::from_millis(11);

/// Answers at once, but for the endpoint that is called `slow`: that one answers when it is let.
#[derive(Clone, Default)]
struct Fake(Arc<Seen>);

#[derive(Default)]
struct Seen {
    asked: Mutex<Vec<(Name, Instant)>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    go: Notify,
}

fn reading(found: Found) -> Reading {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    Reading { at, found, progress: None, evidence: Evidence::default() }
}

impl Asks for Fake {
    async fn ask(&self, endpoint: &Endpoint, _: &mut Memory) -> Reading {
        self.0.asked.lock().unwrap().push((endpoint.name(), Instant::now()));
        let now = self.0.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_at_once.fetch_max(now, Ordering::SeqCst);
        let found = match &*endpoint.probe.name {
            "slow" => {
                self.0.go.notified().await;
                Found::Silent(Silence::TimedOut)
            }
            "broken" => panic!("on purpose"),
            _ => {
                // Whoever else is let in is asked before this one has answered.
                tokio::task::yield_now().await;
                Found::Serving
            }
        };
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
        reading(found)
    }

    fn unasked(&self, _: &Endpoint, _: &str) -> Reading {
        reading(Found::Unasked(Reason::MonitorSick))
    }
}

impl Fake {
    fn times(&self, name: &str) -> Vec<Instant> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|((_, probe), _)| &**probe == name).map(|(_, at)| *at).collect()
    }

    fn asked(&self) -> usize {
        self.0.asked.lock().unwrap().len()
    }
}

fn endpoint(guest: u32, name: &str) -> Endpoint {
    let probe = Probe::new(name, Ask::Tcp { port: 1 });
    let guest = format!("lxc-{guest}").parse().unwrap();
    Endpoint { guest, at: IpAddr::from([127, 0, 0, 1]), probe, key: None }
}

fn schedule(fake: &Fake, at_once: usize) -> Schedule<Fake> {
    Schedule::new(fake.clone(), Rhythm { period: PERIOD, at_once }, 7)
}

/// Lets this much time pass, and returns what was heard meanwhile.
async fn during(schedule: &mut Schedule<Fake>, time: Duration) -> Vec<Heard> {
    let mut heard = Vec::new();
    let end = Instant::now() + time;
    while let Ok(one) = tokio::time::timeout_at(end, schedule.next()).await {
        heard.push(one);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn everybody_is_asked_in_every_period_and_never_all_at_once() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    for guest in 0..500 {
        schedule.add(endpoint(100 + guest, "web"));
    }

    let first = during(&mut schedule, PERIOD).await.len();
    let later = during(&mut schedule, PERIOD * 20).await.len();

    assert!((480..=640).contains(&first), "{first}");
    assert!((9_600..=10_400).contains(&later), "{later}");
    let mut a_second = [0; 10];
    let begun = fake.times("web")[0];
    for at in fake.times("web") {
        let second = (at - begun).as_secs();
        if let Some(count) =
            usize::try_from(second).ok().and_then(|second| a_second.get_mut(second))
        {
            *count += 1;
        }
    }
    assert!(a_second.iter().all(|&count| count < 100), "{a_second:?}");
    assert!(schedule.pulse().late(0.99) <= TICK);
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_holds_up_its_own_guest_alone() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    for name in ["slow", "same-guest"] {
        schedule.add(endpoint(950, name));
    }
    schedule.add(endpoint(951, "other"));
    while fake.times("slow").is_empty() {
        schedule.next().await;
    }
    let before = (fake.times("same-guest").len(), fake.times("other").len());

    during(&mut schedule, PERIOD * 10).await;

    assert_eq!(fake.times("slow").len(), 1);
    assert_eq!(fake.times("same-guest").len(), before.0);
    assert!(fake.times("other").len() >= before.1 + 8);
    assert!(schedule.pulse().late(1.0) <= TICK);

    fake.0.go.notify_one();
    during(&mut schedule, Duration::from_secs(1)).await;
    assert_eq!(fake.times("same-guest").len(), before.0 + 1);
    // It was late, and no fault of the schedule.
    assert!(schedule.pulse().late(1.0) <= TICK);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_asked_at_once_than_may_be_and_that_is_told_as_lateness() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 2);
    for guest in 0..2 {
        schedule.add(endpoint(100 + guest, "slow"));
    }
    for guest in 0..20 {
        schedule.add(endpoint(200 + guest, "web"));
    }

    during(&mut schedule, PERIOD * 3).await;
    assert_eq!(fake.times("slow").len(), 2);
    let held_up = fake.times("web").len();
    fake.0.go.notify_waiters();
    during(&mut schedule, Duration::from_secs(1)).await;

    assert_eq!(fake.0.most_at_once.load(Ordering::SeqCst), 2);
    assert!(fake.times("web").len() > held_up);
    let pulse = schedule.pulse();
    assert!(pulse.late(1.0) > PERIOD && pulse.is_sick(), "{pulse:?}");
}

#[tokio::test(start_paused = true)]
async fn a_standstill_makes_no_burst_and_blames_nobody() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    for guest in 0..200 {
        schedule.add(endpoint(100 + guest, "web"));
    }
    schedule.add(endpoint(950, "slow"));
    during(&mut schedule, PERIOD * 2).await;
    assert_eq!(fake.times("slow").len(), 1);
    let before = fake.asked();

    advance(Duration::from_hours(1)).await;
    fake.0.go.notify_waiters();
    let heard = during(&mut schedule, Duration::from_secs(1)).await;

    let burst = fake.asked() - before;
    assert!((1..60).contains(&burst), "{burst}");
    let slow = heard.iter().find(|heard| &*heard.probe == "slow").unwrap();
    assert_eq!(slow.reading.found, Found::Unasked(Reason::MonitorSick));
    let pulse = schedule.pulse();
    assert!(pulse.is_sick() && pulse.stood_still > Duration::from_mins(50), "{pulse:?}");
    during(&mut schedule, PERIOD).await;
    assert!(!schedule.pulse().is_sick());
}

#[tokio::test(start_paused = true)]
async fn time_without_anybody_to_ask_is_no_standstill() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    advance(Duration::from_mins(5)).await;

    schedule.add(endpoint(950, "web"));
    let heard = during(&mut schedule, PERIOD * 2).await;

    assert!(heard.iter().all(|heard| heard.reading.found == Found::Serving), "{heard:?}");
    assert!(!schedule.pulse().is_sick());
}

#[tokio::test(start_paused = true)]
async fn who_is_added_again_keeps_its_turn_and_who_changes_gets_a_new_one() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    let other_port = |mut endpoint: Endpoint| {
        endpoint.probe.ask = Ask::Tcp { port: 2 };
        endpoint
    };
    for _ in 0..50 {
        schedule.add(endpoint(950, "web"));
        schedule.add(endpoint(951, "gone"));
        schedule.add(other_port(endpoint(951, "gone")));
    }
    assert_eq!(schedule.len(), 2);

    schedule.remove(&endpoint(951, "gone").name());
    let heard = during(&mut schedule, PERIOD * 10).await;

    assert_eq!(schedule.names().count(), 1);
    assert!((8..=13).contains(&heard.len()), "{}", heard.len());
    assert!(heard.iter().all(|heard| &*heard.probe == "web"));
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_while_it_is_asked_lets_its_guest_go_on() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    schedule.add(endpoint(950, "slow"));
    schedule.add(endpoint(950, "web"));
    while fake.times("slow").is_empty() {
        timeout(Duration::from_millis(10), schedule.next()).await.ok();
    }
    let before = fake.times("web").len();

    schedule.remove(&endpoint(950, "slow").name());
    fake.0.go.notify_one();
    let heard = during(&mut schedule, PERIOD * 3).await;

    assert!(heard.iter().all(|heard| &*heard.probe == "web"), "{heard:?}");
    assert!(fake.times("web").len() > before);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_breaks_down_blames_the_monitor_and_is_asked_again() {
    let fake = Fake::default();
    let mut schedule = schedule(&fake, 4096);
    schedule.add(endpoint(950, "broken"));

    let first = schedule.next().await;
    schedule.next().await;

    assert_eq!(first.reading.found, Found::Unasked(Reason::MonitorSick));
}
