//! Ours, in this process on one thread.

use std::net::IpAddr;
use std::time::Duration;

use chrono::Utc;
use phoenix_domain::health::{Ask, Found, Probe, Reason, Silence};
use phoenix_health_monitor::probes::{Asker, Clock, Pace};
use phoenix_health_monitor::schedule::{Endpoint, Rhythm, Schedule};
use tokio::time::{Instant, timeout_at};

use super::targets::Targets;
use super::{Row, process};

const PERIOD: Duration = Duration::from_secs(10);
/// How long each is measured.
const PERIODS: u32 = 3;
const TILT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
pub(crate) struct Ours {
    pub(crate) name: &'static str,
    ask: fn(&Targets, u32) -> Ask,
    /// One in so many never answers; none of the others may be late for it.
    silent: Option<u32>,
}

fn page(targets: &Targets, _: u32) -> Ask {
    Ask::Http { port: targets.page, path: "/healthz".into(), status: Some(200), contains: None }
}

pub(crate) const ROWS: [Ours; 3] = [
    Ours { name: "phoenix, a page", ask: page, silent: None },
    Ours { name: "phoenix, a page, one in ten never answers", ask: page, silent: Some(10) },
    Ours {
        name: "phoenix, vLLM with 49 kB of counters",
        ask: |targets, _| Ask::Vllm { port: targets.vllm, model: None },
        silent: None,
    },
];

fn schedule(row: Ours, targets: &Targets, endpoints: u32, rhythm: Rhythm) -> Schedule<Asker> {
    let asker = Asker::new(Clock::starting(Utc::now()), Pace::default());
    let mut schedule = Schedule::new(asker, rhythm, 7);
    for number in 0..endpoints {
        let is_silent = row.silent.is_some_and(|one_in| number % one_in == 0);
        let ask = if is_silent {
            Ask::Http { port: targets.silent, path: "/".into(), status: None, contains: None }
        } else {
            (row.ask)(targets, number)
        };
        schedule.add(Endpoint {
            guest: format!("lxc-{}", 100 + number).parse().unwrap(),
            at: IpAddr::from([127, 0, 0, 1]),
            probe: Probe::new(ask.kind(), ask),
            key: None,
        });
    }
    schedule
}

/// Asks for this long; returns how many were asked.
async fn during(schedule: &mut Schedule<Asker>, time: Duration) -> u32 {
    let end = Instant::now() + time;
    let mut heard = 0;
    while let Ok(one) = timeout_at(end, schedule.next()).await {
        let found = &one.reading.found;
        // The last is what it says when it was given no processor: the row is told to be worthless.
        let is_expected = matches!(
            found,
            Found::Serving | Found::Silent(Silence::TimedOut) | Found::Unasked(Reason::MonitorSick)
        );
        assert!(is_expected, "{one:?}");
        heard += 1;
    }
    heard
}

pub(crate) fn measure(row: Ours, targets: &Targets, endpoints: u32) -> Row {
    process::forget_peak();
    let me = std::process::id();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let rhythm = Rhythm { period: PERIOD, ..Rhythm::default() };
        let mut calm = schedule(row, targets, endpoints, rhythm);
        // Connections are made, and what is asked seldom is asked.
        during(&mut calm, PERIOD * 2).await;
        calm.pulse();
        let before = process::cpu(me);
        let heard = during(&mut calm, PERIOD * PERIODS).await;
        let cpu = (process::cpu(me) - before) / f64::from(heard) * 10_000.0;
        let pulse = calm.pulse();
        if pulse.stood_still > Duration::ZERO {
            eprintln!("no processor for {:?}: this row says nothing", pulse.stood_still);
        }
        if row.silent.is_none() && pulse.timed_out > 0 {
            // Then it was the targets that were measured.
            eprintln!("{} of {} were not answered in time", pulse.timed_out, pulse.asked);
        }
        let late = [0.5, 0.99].map(|share| pulse.late(share).as_secs_f64() * 1000.0);
        let mib = process::peak(me);
        drop(calm);
        let rate = if row.silent.is_some() {
            None
        } else {
            // Everybody's turn has always come, so that nothing is waited for but answers.
            let rhythm = Rhythm { period: Duration::from_millis(50), at_once: 256 };
            let mut tilt = schedule(row, targets, endpoints.min(1000), rhythm);
            during(&mut tilt, TILT / 5).await;
            tilt.pulse();
            let heard = during(&mut tilt, TILT).await;
            let pulse = tilt.pulse();
            if pulse.timed_out > 0 || pulse.stood_still > Duration::ZERO {
                let (silent, stood) = (pulse.timed_out, pulse.stood_still);
                eprintln!(
                    "at full tilt {silent} were not answered in time, {stood:?} of standstill"
                );
            }
            Some(f64::from(heard) / TILT.as_secs_f64())
        };
        Row { name: row.name.into(), cpu, rate, mib, late: Some((late[0], late[1])) }
    })
}
