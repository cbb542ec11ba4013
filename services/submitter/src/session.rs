//! One visit to NATS: the connection, and who it is that asks.

use chrono::{DateTime, Utc};
use phoenix_bus::NatsArgs;
use phoenix_bus::{Bus, BusError, Durability, Setup, Teller};
use phoenix_domain::{RunId, TraceParent};

use crate::cli::WhoArgs;
use crate::error::CommandError;
use crate::output::Output;

const NOT_DURABLE: &str = "\
warning: NATS acknowledges before it has written to disk: a power failure may lose what it accepted
hint: set `jetstream { sync_interval: always }` in its configuration";

/// A connection, and what is known about the other side.
pub(crate) struct Session {
    pub(crate) bus: Bus,
    pub(crate) setup: Setup,
}

/// Who does something about guests: by which connection, and as whom.
pub(crate) struct Hand<'h> {
    pub(crate) bus: &'h Bus,
    pub(crate) setup: &'h Setup,
    pub(crate) teller: Teller,
    pub(crate) by: String,
}

impl Session {
    /// Returns the hand of who typed a command.
    pub(crate) fn hand(&self, who: &WhoArgs) -> Hand<'_> {
        Hand { bus: &self.bus, setup: &self.setup, teller: teller(who), by: by(who) }
    }
}

/// Does the online part of a command. Nothing else starts a runtime.
pub(crate) fn run<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::NoRuntime)?;
    let done = runtime.block_on(work);
    // A name that is being looked up keeps a thread busy that nobody waits for any more.
    runtime.shutdown_background();
    done
}

/// Connects, and asks nothing yet.
pub(crate) async fn connect(args: &NatsArgs) -> Result<Bus, CommandError> {
    Ok(Bus::connect(&args.address(format!("phoenix of {}", host()))).await?)
}

/// Connects, and says so where the server's word is not worth much.
pub(crate) async fn open(args: &NatsArgs, output: &mut Output) -> Result<Session, CommandError> {
    let bus = connect(args).await?;
    let setup = bus.look_up().await?;
    match setup.durability {
        Durability::Lossy => output.remark(NOT_DURABLE)?,
        Durability::Synced | Durability::Replicated => {}
    }
    Ok(Session { bus, setup })
}

/// Returns what the log is told about who asks.
pub(crate) fn by(args: &WhoArgs) -> String {
    let said = [&args.user, &args.logname];
    let user = said.into_iter().flatten().find(|user| !user.is_empty());
    format!("{}@{}", user.map_or("somebody", String::as_str), host())
}

/// Returns what goes into the envelope of what is asked from here.
pub(crate) fn teller(who: &WhoArgs) -> Teller {
    teller_of("submitter", who.traceparent.as_deref())
}

/// The same for this part of the program, in this trace.
pub(crate) fn teller_of(part: &str, traceparent: Option<&str>) -> Teller {
    let source = format!("//{}/phoenix/{part}", host());
    Teller { source, traceparent: Some(trace(traceparent)), clock: Utc::now }
}

/// Returns the trace a request belongs to: the one it was called in, or a new one.
fn trace(given: Option<&str>) -> String {
    let given = given.and_then(|text| text.parse::<TraceParent>().ok());
    given.unwrap_or_else(Teller::new_trace).to_string()
}

/// Returns the name of a new run. Such names are in the order of time.
pub(crate) fn new_run() -> Result<RunId, CommandError> {
    format!("r-{}", uuid::Uuid::now_v7().simple()).parse().map_err(CommandError::NoRunId)
}

/// Returns what time it is.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Returns the name of this machine.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl From<BusError> for CommandError {
    fn from(err: BusError) -> Self {
        Self::Bus(Box::new(err))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_on_with_the_trace_it_was_called_in_or_begins_one() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(Some(given)), given);
        for bad in [None, Some(""), Some("00-xyz-1-01"), Some("$(id)")] {
            let made = trace(bad);
            assert_eq!(made.len(), given.len(), "{made}");
            assert_eq!(trace(Some(&made)), made, "what is made is one itself");
        }
    }
}
