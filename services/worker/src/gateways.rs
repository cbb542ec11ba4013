//! Tells gateways where the guests are that they lead to, and has them go again when those are
//! elsewhere.
//!
//! Nothing is kept but what was read of the logs: what a gateway was told last stands in its own
//! log, so that any worker of its host sees whether it has to be told anew, at any time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phoenix_bus::Teller;
use phoenix_domain::{
    GuestKey, GuestSpec, Record, RunId, SpecDigest, Upstream, lead_anew, upstreams,
};
use phoenix_hypervisor::Hypervisor;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::context::Context;

/// How long to wait after something happened, so that several things are told together.
const SETTLE: Duration = Duration::from_secs(2);

/// What is known of the guests that gateways lead to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether the end of every log was read.
    all: watch::Sender<bool>,
    /// Rings when something happened to a guest.
    happened: Notify,
    /// The specs as they were read last, by the revision of their request.
    specs: Mutex<HashMap<GuestKey, (u64, Arc<GuestSpec>)>>,
}

impl Known {
    /// Takes note that something happened to a guest.
    pub(crate) fn heard(&self) {
        self.happened.notify_one();
    }

    /// Takes note of whether the end of every log was read.
    pub(crate) fn knows_all(&self, all: bool) {
        self.all.send_replace(all);
        if !all {
            // Another log may have other requests with the same numbers.
            self.specs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.heard();
    }

    /// Says whether the end of every log was read.
    pub(crate) fn has_all(&self) -> bool {
        *self.all.borrow()
    }

    /// Returns a guest's spec, read once.
    fn spec(&self, record: &Record) -> Option<Arc<GuestSpec>> {
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = record.desired.revision;
        if let Some((of, spec)) = specs.get(&record.guest)
            && *of == revision
        {
            return Some(Arc::clone(spec));
        }
        let spec = Arc::new(record.desired.spec.read().ok()?);
        specs.insert(record.guest, (revision, Arc::clone(&spec)));
        Some(spec)
    }
}

impl<H> Context<H> {
    /// Tells a gateway where it leads to now, and all others nothing. Nobody is told before
    /// everything is known: a route that is missing would be one that was taken away. Returns
    /// nothing when nothing may be begun any more.
    pub(crate) async fn told_where(
        &self,
        mut spec: GuestSpec,
        guest: GuestKey,
    ) -> Option<GuestSpec> {
        if spec.is_gateway() {
            let mut all = self.known.all.subscribe();
            tokio::select! {
                // Its sender lives as long as we do.
                _ = all.wait_for(|all| *all) => {}
                () = self.duty.stop().cancelled_owned() => return None,
            }
            spec.upstreams = self.upstreams(guest);
        }
        Some(spec)
    }

    /// Returns what a gateway leads to now.
    fn upstreams(&self, gateway: GuestKey) -> Vec<Upstream> {
        let ends: Vec<_> =
            self.view.guests().into_iter().filter_map(|guest| self.view.end(guest)).collect();
        let records = ends.iter().map(|end| &end.event.state);
        let read: Vec<_> =
            records.filter_map(|record| Some((record, self.known.spec(record)?))).collect();
        upstreams(read.iter().map(|(record, spec)| (*record, spec.as_ref())), gateway)
    }
}

/// Has gateways go again until the worker ends.
pub(crate) async fn keep<H: Hypervisor>(context: Arc<Context<H>>) {
    let round = async {
        loop {
            context.known.happened.notified().await;
            tokio::time::sleep(SETTLE).await;
            if !context.known.has_all() {
                continue;
            }
            for guest in context.view.guests() {
                look(&context, guest).await;
            }
        }
    };
    tokio::select! {
        () = round => {}
        () = context.shutdown.cancelled() => {}
    }
}

/// Looks whether a guest of this host is a gateway that leads elsewhere than it should, and asks for
/// it then.
async fn look<H: Hypervisor>(context: &Context<H>, guest: GuestKey) {
    let Some(end) = context.view.end(guest) else { return };
    let state = &end.event.state;
    let is_gateway = |spec: Arc<GuestSpec>| spec.is_gateway();
    if state.desired.host != context.worker.host
        || !context.known.spec(state).is_some_and(is_gateway)
    {
        return;
    }
    let digest = SpecDigest::of_upstreams(&context.upstreams(guest));
    let below: Vec<_> =
        state.desired.stands_on.iter().filter_map(|on| context.view.end(*on)).collect();
    let find = |on| below.iter().map(|end| &end.event.state).find(|state| state.guest == on);
    let Ok(run) = format!("r-{}", uuid::Uuid::now_v7().simple()).parse::<RunId>() else { return };
    let by = format!("the worker of {}", context.worker.host);
    if lead_anew(state, &digest, find, run.clone(), by.clone()).is_none() {
        return;
    }
    let wish = |_, now: Option<&Record>| {
        // Whoever has asked for something meanwhile has it told as well.
        let is_same = now == Some(state);
        is_same.then(|| lead_anew(state, &digest, find, run.clone(), by.clone())).flatten()
    };
    let traceparent = Some(Teller::new_trace().to_string());
    let teller = Teller { traceparent, ..context.teller.clone() };
    match context.bus.ask(&context.setup, &teller, &[guest], wish).await {
        Ok(_) => info!(%guest, %run, "where it leads to has changed"),
        Err(err) => {
            warn!(%guest, %err, "a gateway was not asked to go again; it is tried again");
            context.known.heard();
        }
    }
}
