//! Delivers what there is to tell by one channel, until the other side has it. Of several monitors the
//! holder of the channel's lease does, so that what is told of one incident is told in order.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, BusError, Lease};
use phoenix_domain::health::{AboutChannel, HealthEventKind};
use phoenix_post::Client;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::channel::Channel;
use super::desk::Desk;
use super::held::Held;
use super::pace::Pace;
use crate::monitor::events;
use crate::over::Over;

/// How long to wait before what failed is begun anew.
const PAUSE: Duration = Duration::from_secs(1);

/// What delivers by one channel.
pub(super) struct Delivery {
    pub(super) bus: Bus,
    pub(super) channel: Arc<Channel>,
    pub(super) client: Client,
    pub(super) instance: String,
    pub(super) source: String,
    pub(super) clock: fn() -> DateTime<Utc>,
    pub(super) pace: Pace,
}

impl Delivery {
    /// Delivers until it is asked to end. Nothing it meets ends it, or holds up anybody else.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let name = &self.channel.name;
        loop {
            let lease = tokio::select! {
                lease = self.bus.channel_lease(name, &self.instance) => lease,
                () = shutdown.cancelled() => return,
            };
            let over = match lease {
                Ok(lease) => Box::pin(self.hold(lease, &shutdown)).await,
                Err(err) => Over::Bus(err),
            };
            match over {
                Over::Asked => return,
                Over::Displaced => warn!(channel = %name, "another monitor delivers now"),
                Over::Bus(err) => warn!(channel = %name, %err, "delivery begins anew"),
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn hold(&self, lease: Lease, shutdown: &CancellationToken) -> Over {
        let name = &self.channel.name;
        let begun = async {
            let memory = self.bus.channel_memory(name).await?;
            Ok::<_, BusError>((memory, self.bus.calls(name).await?))
        };
        let (memory, calls) = match begun.await {
            Ok(begun) => begun,
            Err(err) => return Over::Bus(err),
        };
        debug!(channel = %name, "delivers");
        let (desk, since) = (Desk::new(self.pace), calls.since);
        let mut held = Held { of: self, lease, memory, desk, since, sending: None };
        let over = match Box::pin(held.work(calls, shutdown)).await {
            Ok(never) => match never {},
            Err(over) => over,
        };
        if let Over::Asked = over {
            Box::pin(held.end()).await;
        }
        over
    }

    /// Tells that nobody can be called by it.
    pub(super) async fn tell_silence(
        &self,
        since: DateTime<Utc>,
        error: Option<&str>,
    ) -> Result<(), Over> {
        let name = &self.channel.name;
        warn!(channel = %name, %since, error, "nobody can be called by this channel");
        let text = format!("nobody can be called by the channel {name}");
        let error = error.map(str::to_owned);
        let told = AboutChannel { text, channel: name.to_string(), since, error };
        self.tell(HealthEventKind::ChannelSilent, told).await
    }

    /// Tells that people can be called by it again, where they were told otherwise.
    pub(super) async fn tell_return(&self, since: Option<DateTime<Utc>>) -> Result<(), Over> {
        let Some(since) = since else { return Ok(()) };
        let name = &self.channel.name;
        info!(channel = %name, "people can be called by this channel again");
        let text = format!("people can be called by the channel {name} again");
        let told = AboutChannel { text, channel: name.to_string(), since, error: None };
        self.tell(HealthEventKind::ChannelDelivers, told).await
    }

    async fn tell(&self, kind: HealthEventKind, told: AboutChannel) -> Result<(), Over> {
        let name = &self.channel.name;
        let event = events::write(&self.source, kind, name.to_string(), (self.clock)(), told);
        Ok(self.bus.tell_channel(name, event).await?)
    }
}
