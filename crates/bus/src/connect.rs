//! The connection.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, jetstream};
use phoenix_domain::{NodeName, chain};
use tokio::sync::{broadcast, watch};
use tracing::{debug, error, info, warn};

use crate::bucket::Buckets;
use crate::error::{BoxError, BusError};
use crate::forbidden::{self, Forbidden};
use crate::key::Key;
use crate::names::Cell;
use crate::role::Role;

/// How long one request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How long one may take of somebody who asks again: a leader that is lost never answers, and who waits for it does
/// not hear of the next one, which is there after four to nine seconds.
pub(crate) const ONE_TRY: Duration = Duration::from_secs(2);
/// For how long it is asked so often. Who has not answered by then may just be slow, and is waited for.
const REPLACED: Duration = Duration::from_secs(12);

/// Returns how long somebody waits for an answer who has asked again and again since then.
pub(crate) fn patience(since: Instant) -> Duration {
    if since.elapsed() < REPLACED { ONE_TRY } else { PATIENCE }
}

/// Where NATS is when nobody says so.
pub const USUAL_SERVER: &str = "nats://127.0.0.1:4222";
/// What the cell is called when nobody says so.
pub const USUAL_CELL: &str = "main";

/// Where NATS is, and who we are there.
#[derive(Clone, Debug)]
pub struct Address {
    /// The servers, `nats://host:4222`, separated by commas.
    pub url: String,
    /// The file with the credentials.
    pub credentials: Option<PathBuf>,
    /// The file with the key of a role, which comes before the credentials.
    pub key: Option<PathBuf>,
    /// The file with who vouches for the server; without it, whom this machine trusts.
    pub ca: Option<PathBuf>,
    /// The name under which the server lists the connection.
    pub name: String,
    /// The cell.
    pub cell: Cell,
}

/// A connection to NATS. It is cheap to clone, and comes back by itself when the server does.
#[derive(Clone, Debug)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) cell: Cell,
    pub(crate) url: String,
    /// Who we are there, where our key says so.
    pub(crate) role: Option<Role>,
    pub(crate) forbidden: broadcast::Sender<Forbidden>,
    /// Counts how often the connection was made.
    connected: watch::Receiver<u64>,
    pub(crate) buckets: Buckets,
}

impl Bus {
    /// Connects, or says why not.
    pub async fn connect(address: &Address) -> Result<Self, BusError> {
        let (times, connected) = watch::channel(0);
        let forbidden = broadcast::Sender::new(forbidden::KEPT);
        let key = address.key.as_deref().map(Key::read).transpose()?;
        let role = key.as_ref().and_then(Key::role).cloned();
        let (told, who) = (forbidden.clone(), role.clone());
        let mut options = ConnectOptions::new()
            .name(&address.name)
            // A server that is gone without a word is noticed with the third of these.
            .ping_interval(Duration::from_secs(2))
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .reconnect_delay_callback(|attempt| {
                Duration::from_millis(u64::try_from(attempt).unwrap_or(50).min(50) * 20)
            })
            .event_callback(move |event| {
                tell(&event, &times, &told, who.as_ref());
                std::future::ready(())
            });
        if let Some(role) = &role {
            options = options.custom_inbox_prefix(role.inbox());
        }
        if let Some(path) = &address.ca {
            std::fs::metadata(path).map_err(|err| BusError::BadCredentials {
                path: path.display().to_string(),
                err,
            })?;
            options = options.add_root_certificates(path.clone()).require_tls(true);
        }
        if let Some(key) = &key {
            options = options.nkey(key.seed()?);
        } else if let Some(path) = &address.credentials {
            options = options.credentials_file(path).await.map_err(|err| {
                BusError::BadCredentials { path: path.display().to_string(), err }
            })?;
        }
        let servers: Vec<&str> = address.url.split(',').map(str::trim).collect();
        let client = options.connect(servers).await.map_err(|err| {
            let (url, kind) = (without_password(&address.url), err.kind());
            let err = BoxError::from(chain(&err));
            match kind {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    BusError::NotLetIn { url, err }
                }
                ConnectErrorKind::Tls => BusError::NotTrusted { url, err },
                ConnectErrorKind::ServerParse
                | ConnectErrorKind::Dns
                | ConnectErrorKind::TimedOut
                | ConnectErrorKind::Io
                | ConnectErrorKind::MaxReconnects => BusError::Unreachable { url, err },
            }
        })?;
        let jetstream = ContextBuilder::new().timeout(PATIENCE).build(client.clone());
        let (cell, url) = (address.cell.clone(), without_password(&address.url));
        let buckets = Buckets::default();
        Ok(Self { client, jetstream, cell, url, role, forbidden, connected, buckets })
    }

    /// Returns the cell.
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Returns the servers, as they may be shown.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns who we are there, where our key says so.
    pub fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    /// Returns what changes each time the connection is made anew: what lived in the server's
    /// memory may be gone then.
    pub fn connected(&self) -> watch::Receiver<u64> {
        self.connected.clone()
    }

    /// Returns what is typed behind a command for it to reach this cell of this server: nothing where
    /// both are the usual ones.
    pub fn options(&self) -> String {
        options(&self.url, self.cell.name())
    }

    /// Says whether the server is there now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is still on its way, and closes.
    pub async fn close(&self) {
        // The process ends anyway; what was not acknowledged is said so elsewhere.
        drop(self.client.drain().await);
    }
}

fn options(url: &str, cell: &NodeName) -> String {
    let mut options = String::new();
    if url != USUAL_SERVER {
        options = format!(" --nats-url {url}");
    }
    if cell.as_str() != USUAL_CELL {
        options = format!("{options} --cell {cell}");
    }
    options
}

/// Returns addresses as they may be shown.
pub(crate) fn without_password(url: &str) -> String {
    let shown = url.split(',').map(|one| match (one.split_once("://"), one.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => one.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

fn tell(
    event: &Event,
    times: &watch::Sender<u64>,
    told: &broadcast::Sender<Forbidden>,
    role: Option<&Role>,
) {
    match event {
        Event::Connected => {
            times.send_modify(|times| *times += 1);
            debug!("connected to NATS");
        }
        Event::Disconnected => warn!("the connection to NATS is lost; it is made again"),
        Event::ServerError(err) => {
            if let Some(Forbidden { subject, .. }) = forbidden::tell(&err.to_string(), told) {
                let role = role.map_or_else(|| "unknown".to_owned(), ToString::to_string);
                error!(subject, role, "not permitted");
            } else {
                warn!(%err, "NATS refuses");
            }
        }
        Event::SlowConsumer(id) => warn!(id, "events arrive faster than they are taken"),
        Event::LameDuckMode | Event::Draining | Event::Closed | Event::ClientError(_) => {
            info!(%event, "the connection to NATS");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_server_and_the_cell_where_they_are_not_the_usual_ones() {
        let cell = |name: &str| name.parse().unwrap();
        assert_eq!(options(USUAL_SERVER, &cell("main")), "");
        assert_eq!(options("nats://pve1:4222", &cell("main")), " --nats-url nats://pve1:4222");
        assert_eq!(options(USUAL_SERVER, &cell("lab")), " --cell lab");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("nats://kim:s3cret@pve1:4222,tls://s3cret@pve2", "nats://pve1:4222,tls://pve2"),
            ("kim:s3@cret@pve1", "pve1"),
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
