//! The monitor at work: of several that run, one acts, and another one goes on where it ended.

mod act;
mod carry;
mod endpoints;
pub(crate) mod events;
mod inside;
mod keys;
mod patient;
mod probing;
mod question;
mod took;
mod typed;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Lease, Setup, Teller};
use phoenix_domain::TraceParent;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::act::Acting;
use crate::channels::{self, Channels, Office};
use crate::error::MonitorError;
use crate::over::Over;
use crate::probes::{Asker, Clock, Pace, Way};
use crate::settings::Settings;

/// What the lease is called under which one monitor acts.
const LEASE: &str = "monitor";
/// How long to wait before what failed is begun anew.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the connection may take to close.
const GOODBYE: Duration = Duration::from_secs(3);

/// Watches over the guests of a cell until it is asked to end.
pub async fn run(settings: Settings, shutdown: CancellationToken) -> Result<(), MonitorError> {
    let read = |path: &PathBuf| channels::read(path, &settings.nats.cell);
    let called = settings.channels.as_ref().map(read).transpose();
    let called = called.map_err(MonitorError::Channels)?.unwrap_or_default();
    let instance = uuid::Uuid::now_v7().simple().to_string();
    let bus =
        Bus::connect(&settings.nats.address(format!("phoenix-health-monitor {instance}"))).await?;
    let setup = bus.look_up().await?;
    let source = format!("//{}/phoenix/health-monitor/{instance}", settings.nats.cell);
    let clock = Clock::starting(now()).faster(settings.clock_speed);
    let way = match &settings.netns {
        None => Way::Here,
        Some(netns) => Way::from(netns)
            .map_err(|err| MonitorError::NoNamespace { netns: netns.clone(), err })?,
    };
    let office =
        Office { bus: bus.clone(), instance: instance.clone(), source: source.clone(), clock: now };
    let channels = Channels::start(called, office).map_err(MonitorError::NoCertificates)?;
    let monitor = Monitor { settings, bus, setup, source, instance, clock, way, channels };
    Box::pin(monitor.work(&shutdown)).await;
    monitor.channels.end().await;
    // A server that is away hears no goodbye.
    drop(tokio::time::timeout(GOODBYE, monitor.bus.close()).await);
    info!("the health monitor has ended");
    Ok(())
}

/// What stays the same, whether it acts or not.
struct Monitor {
    settings: Settings,
    bus: Bus,
    setup: Setup,
    source: String,
    instance: String,
    clock: Clock,
    way: Way,
    channels: Channels,
}

impl Monitor {
    async fn work(&self, shutdown: &CancellationToken) {
        info!(monitor = %self.instance, "the health monitor is there");
        loop {
            let lease = tokio::select! {
                lease = self.bus.lease(LEASE, &self.instance) => lease,
                Err(err) = self.bus.stand_by() => Err(err),
                () = shutdown.cancelled() => return,
            };
            let over = match lease {
                Ok(lease) => Box::pin(self.act(lease, shutdown)).await,
                Err(err) => Over::Bus(err),
            };
            match over {
                Over::Asked => return,
                Over::Displaced => warn!("another monitor acts now; this one waits"),
                Over::Bus(err) => warn!(%err, "begins anew with what was kept"),
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn act(&self, lease: Lease, shutdown: &CancellationToken) -> Over {
        info!(monitor = %self.instance, "acts");
        let begun = tokio::select! {
            begun = Acting::begin(self, lease) => begun,
            Err(err) = self.bus.stand_by() => Err(err),
        };
        let mut acting = match begun {
            Ok(acting) => acting,
            Err(err) => return Over::Bus(err),
        };
        let over = acting.until_over(shutdown).await;
        Box::pin(acting.end(&over)).await;
        over
    }

    fn asker(&self) -> Asker {
        Asker::new(self.clock, Pace::default()).by(self.way.clone())
    }

    fn teller(&self, trace: TraceParent) -> Teller {
        Teller { source: self.source.clone(), traceparent: Some(trace.to_string()), clock: now }
    }
}

/// Reads the clock.
#[expect(clippy::disallowed_methods, reason = "the one place of the monitor that reads the clock")]
fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}
