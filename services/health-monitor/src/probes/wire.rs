//! A connection to a service, and what can go wrong with it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use phoenix_domain::health::{Found, Reason, Silence};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::way::Place;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There was no connection.
    Unconnected(io::Error),
    /// The other side hung up before it said anything.
    HungUp,
    /// Nothing came in time.
    TimedOut(Duration),
    /// What came is no answer.
    Broken(&'static str),
}

impl Trouble {
    /// Returns what that says of the service.
    pub(super) fn found(&self) -> Found {
        match self {
            Self::Unconnected(err) => unconnected(err),
            Self::HungUp | Self::Broken(_) => Found::Silent(Silence::Broken),
            Self::TimedOut(_) => Found::Silent(Silence::TimedOut),
        }
    }

    /// Says it to people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unconnected(err) if err.kind() == ErrorKind::ConnectionRefused => {
                "refused: nobody listens there".to_owned()
            }
            Self::Unconnected(err) => format!("no connection: {err}"),
            Self::HungUp => "it hung up without an answer".to_owned(),
            Self::TimedOut(after) => format!("no answer within {after:?}"),
            Self::Broken(why) => (*why).to_owned(),
        }
    }
}

/// Files, buffers and local ports are the monitor's own; a route is nobody's here.
fn unconnected(err: &io::Error) -> Found {
    const OUT_OF_MEMORY: i32 = 12;
    const FILES_OF_THE_SYSTEM: i32 = 23;
    const FILES: i32 = 24;
    const BUFFERS: i32 = 105;
    if let Some(OUT_OF_MEMORY | FILES_OF_THE_SYSTEM | FILES | BUFFERS) = err.raw_os_error() {
        return Found::Unasked(Reason::MonitorSick);
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library may add to it")]
    match err.kind() {
        ErrorKind::ConnectionRefused => Found::Silent(Silence::Refused),
        ErrorKind::TimedOut => Found::Silent(Silence::TimedOut),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::PermissionDenied => Found::Unasked(Reason::Unreachable),
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => Found::Unasked(Reason::MonitorSick),
        _ => Found::Silent(Silence::Broken),
    }
}

/// Makes a connection.
pub(super) async fn connect(place: Place<'_>) -> Result<TcpStream, Trouble> {
    place.connect().await.map_err(Trouble::Unconnected)
}

/// Takes the connection that was kept, if the other side has kept it too.
pub(super) fn kept(line: &mut Option<TcpStream>) -> Option<TcpStream> {
    let line = line.take()?;
    // Most servers hang up sooner than they are asked again. What they say unasked belongs to nothing.
    match line.try_read(&mut [0]) {
        Err(err) if err.kind() == ErrorKind::WouldBlock => Some(line),
        Ok(_) | Err(_) => None,
    }
}

/// Waits for this and no longer.
pub(super) async fn within<T>(
    patience: Duration,
    talk: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    timeout(patience, talk).await.unwrap_or(Err(Trouble::TimedOut(patience)))
}
