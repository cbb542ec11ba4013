//! Serves what the running guests of a simulated host offer: real HTTP on ports of this machine.
//!
//! It follows the files of the guests: what is stopped stops answering, what is broken answers as
//! sick services do. Where each service answers stands in `services.json`.

mod answer;
mod offer;
mod server;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use phoenix_domain::health::Process;
use phoenix_domain::{FeatureName, GuestKey};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info};

use self::offer::Offer;
use self::server::Servers;
use super::folder::{Folder, unreachable};
use super::guest::{Sickness, SimulatedGuest};
use super::parts;
use super::settings::Settings;
use crate::HostError;

/// Where services answer: by guest and service, an address to be asked.
pub type Urls = BTreeMap<GuestKey, BTreeMap<String, String>>;

pub(super) const FILE: &str = "services.json";

/// How often the files are looked at.
const FOLLOW: Duration = Duration::from_millis(100);

/// After how many looks the files are read although nothing seems to have changed: two changes
/// within one tick of the file system's clock look like one.
const READ_ANYWAY: u32 = 10;

/// Which service of which guest.
type Name = (GuestKey, &'static str);

/// Returns what runs what a guest serves. One that refuses to answer has ended.
pub(super) fn processes(guest: &SimulatedGuest) -> BTreeMap<FeatureName, Process> {
    let process = |offer: &Offer| match offer.sickness {
        Some(Sickness::Refuse) => Process::Gone,
        Some(Sickness::Hang | Sickness::Unavailable | Sickness::Stall | Sickness::Empty) | None => {
            Process::Alive { stir: 0, restarts: 0 }
        }
    };
    let offers = offer::of(guest).into_iter();
    offers.filter_map(|((_, name), offer)| Some((name.parse().ok()?, process(&offer)))).collect()
}

/// Serves until it is told to end.
pub(super) async fn serve(
    folder: &Folder,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), HostError> {
    let mut shutdown = pin!(shutdown);
    let mut beat = interval(FOLLOW);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut servers = Servers::default();
    let mut last = None;
    let mut looks = 0_u32;
    // What an earlier run has left answers no more.
    folder.write(FILE, &Urls::new())?;
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = beat.tick() => {}
        }
        looks = looks.wrapping_add(1);
        let known = if looks.is_multiple_of(READ_ANYWAY) { None } else { last };
        let folder_read = folder.clone();
        match spawn_blocking(move || wanted(&folder_read, known)).await {
            Ok(Ok(Some((changed, settings, offers)))) => {
                last = Some(changed);
                if servers.follow(settings.listen, offers).await {
                    folder.write(FILE, &servers.urls())?;
                }
            }
            Ok(Ok(None)) => {}
            // It may be there again at the next look.
            Ok(Err(err)) => debug!(%err, "simulated guests cannot be read"),
            Err(err) => debug!(%err, "simulated guests were not read"),
        }
    }
    servers.end().await;
    info!("simulated services ended");
    folder.write(FILE, &Urls::new())
}

/// Returns what is to be served, where something may have changed since.
#[expect(clippy::type_complexity, reason = "three things that are read at once, in one place")]
fn wanted(
    folder: &Folder,
    known: Option<SystemTime>,
) -> Result<Option<(SystemTime, Settings, BTreeMap<Name, Offer>)>, HostError> {
    let changed = folder.guests_changed().map_err(unreachable)?;
    if known == Some(changed) {
        return Ok(None);
    }
    let (guests, broken) = (folder.guests()?, parts::broken(folder)?);
    let offers = guests.values().flat_map(|guest| {
        let is_cut_off = parts::is_cut_off(guest, &broken);
        let mut offers = offer::of(guest);
        for (_, offer) in offers.iter_mut().filter(|_| is_cut_off) {
            // What is sent there is lost, so nobody even refuses.
            offer.sickness = Some(Sickness::Hang);
        }
        offers
    });
    let offers = offers.collect();
    Ok(Some((changed, folder.settings()?, offers)))
}
