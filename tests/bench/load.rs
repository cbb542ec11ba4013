//! A closed loop: so many guests are asked for at once, and for each that is complete another one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use phoenix_bus::{Address, Bus, BusError, Cell, Durability, From, Setup, Tail, Teller, Told};
use phoenix_domain::{EventKind, Fact, GuestKey, Record};

use crate::guests::{self, key};

/// Who asks for guests, and hears when they are complete.
pub(crate) struct Load {
    pub(crate) bus: Bus,
    pub(crate) setup: Setup,
    pub(crate) teller: Teller,
    pub(crate) tail: Tail,
    /// How the guests are asked for.
    pub(crate) request: fn(u32) -> Fact,
    next: u32,
}

impl Load {
    pub(crate) async fn connect(url: &str) -> Self {
        let bus = bus(url).await;
        let setup = loop {
            match bus.look_up().await {
                Ok(setup) => break setup,
                Err(BusError::NotSetUp { .. }) => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(err) => panic!("{err}"),
            }
        };
        Self::by(bus, setup).await
    }

    /// The same, where no worker makes the streams.
    pub(crate) async fn set_up(url: &str, durability: Durability) -> Self {
        let bus = bus(url).await;
        let setup = bus.set_up(durability).await.unwrap();
        Self::by(bus, setup).await
    }

    async fn by(bus: Bus, setup: Setup) -> Self {
        let tail = bus.tail(From::Now).await.unwrap();
        let teller = Teller { source: "//bench".to_owned(), traceparent: None, clock };
        Self { bus, setup, teller, tail, request: |nth| guests::request(nth, &[]), next: 0 }
    }

    /// Returns how many messages the log has taken.
    pub(crate) async fn messages(&self) -> u64 {
        self.bus.log_length().await.unwrap()
    }

    /// Asks for `total` guests, each by itself, `in_flight` at a time. Returns how long each took, in ms.
    pub(crate) async fn run(&mut self, in_flight: usize, total: usize) -> Vec<f64> {
        let Self { bus, setup, teller, tail, request, next } = self;
        let (bus, setup, teller, request) = (&*bus, &*setup, &*teller, *request);
        let mut open: HashMap<GuestKey, Instant> = HashMap::new();
        let mut asks = FuturesUnordered::new();
        let (mut latencies, mut asked) = (Vec::with_capacity(total), 0);
        while latencies.len() < total {
            while asked < total && open.len() < in_flight {
                let nth = *next;
                *next += 1;
                asked += 1;
                open.insert(key(nth), Instant::now());
                asks.push(async move {
                    let wish = |_, before: Option<&Record>| before.is_none().then(|| request(nth));
                    bus.ask(setup, teller, &[key(nth)], wish).await.unwrap();
                });
            }
            let told = tokio::select! {
                Some(()) = asks.next() => continue,
                told = tail.next() => told,
            };
            if let Told::Event { event, .. } = told
                && event.fact.kind() == EventKind::Completed
                && let Some(since) = open.remove(&event.state.guest)
            {
                latencies.push(since.elapsed().as_secs_f64() * 1000.0);
            }
        }
        latencies.sort_by(f64::total_cmp);
        latencies
    }
}

async fn bus(url: &str) -> Bus {
    let cell = Cell::new("main".parse().unwrap());
    let (url, name) = (url.to_owned(), "bench".to_owned());
    let address = Address { url, credentials: None, key: None, ca: None, name, cell };
    Bus::connect(&address).await.unwrap()
}

/// Returns a quantile of sorted values.
pub(crate) fn quantile(sorted: &[f64], at: f64) -> f64 {
    let nth = (sorted.len() as f64 * at) as usize;
    sorted.get(nth.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

#[expect(clippy::disallowed_methods, reason = "this is a main")]
fn clock() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}
