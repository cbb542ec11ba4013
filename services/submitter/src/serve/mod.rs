//! `phoenix serve`: a page in the browser that shows how everything is, as it happens.

mod acts;
mod again;
mod answers;
mod door;
mod guard;
mod hooks;
mod live;
mod log;
mod look;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
mod pace;
mod parts;
mod probes;
mod pushes;
mod refusal;
mod sent;
mod view;
mod visits;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use futures_util::FutureExt as _;
use phoenix_bus::{Bus, Setup};
use phoenix_service::LogFormat;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::output::Output;
use crate::session;

use self::door::Door;
use self::guard::Names;
use self::hooks::Hooks;
use self::live::Live;
use self::metrics::Metrics;
use self::pushes::{Around, Pushes};

/// How many remarks may wait to be written; those beyond are not worth a sender's time.
const REMARKS: usize = 64;

/// How long what somebody types on the page may be, in bytes.
const TYPED: usize = 16 * 1024;

/// What every answer is made of.
struct Window {
    bus: Bus,
    setup: Setup,
    live: Live,
    metrics: Metrics,
    names: Names,
    /// Absent where nobody can sign in, and the page only shows.
    door: Option<Door>,
    /// Absent where nobody may send webhooks.
    hooks: Option<Hooks>,
    /// What the operator is told.
    remarks: mpsc::Sender<String>,
}

pub(crate) fn run(args: &ServeArgs, output: &mut Output) -> Result<u8, CommandError> {
    args.log.begin()?;
    if args.log.format != LogFormat::Text {
        output.remark_in_the_log();
    }
    session::run(serve(args, output))
}

async fn serve(args: &ServeArgs, output: &mut Output) -> Result<u8, CommandError> {
    let is_far = !args.listen.ip().is_loopback() && !args.let_anybody_read;
    if is_far && args.token_file.is_none() {
        return Err(CommandError::OpenToAnybody { listen: args.listen });
    }
    let door = args.token_file.as_ref().map(|path| Door::read(path, is_far)).transpose()?;
    let session = session::open(&args.connect, output).await?;
    let (hooks, origin) = Hooks::read(args, session.setup.clone(), output)?.unzip();
    let cannot = |err| CommandError::NoListener { listen: args.listen, err };
    let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
    let at = listener.local_addr().map_err(cannot)?;
    let (live, follow) = Live::begin(session.bus.clone()).await?;
    let names = Names::of(at, &args.name);
    let (remarks, mut remarked) = mpsc::channel(REMARKS);
    let pushes = match origin.flatten() {
        None => None,
        Some(origin) => {
            let around = Around {
                bus: session.bus.clone(),
                setup: session.setup.clone(),
                config: args.config.clone(),
                live: live.clone(),
                remarks: remarks.clone(),
            };
            // `git` is run in other folders than this one.
            let state_dir =
                std::path::absolute(&args.state_dir).map_err(CommandError::NotWritten)?;
            Some(Arc::new(Pushes::begin(origin, &state_dir, around).await?))
        }
    };
    let hooks = hooks.map(|hooks| hooks.with(pushes.clone()));
    let metrics = Metrics::of(session.bus.clone(), live.clone());
    let (bus, setup) = (session.bus, session.setup);
    let window = Arc::new(Window { bus, setup, live, metrics, names, door, hooks, remarks });
    #[cfg(feature = "otlp")]
    let traces = otlp::keep(args, &window.bus, &window.live, &window.remarks)?;
    #[cfg(not(feature = "otlp"))]
    let traces = std::future::pending::<Infallible>();
    let mut traces = pin!(traces);
    let mut work = pin!(work(Arc::clone(&window), pushes));
    output.remark(&format!("the page is at http://{at}/ until Ctrl-C"))?;
    let (shutdown, until_asked) = phoenix_service::on_signal().map_err(cannot)?;
    let answering = axum::serve(listener, router(window, shutdown.clone()))
        .with_graceful_shutdown(shutdown.cancelled_owned());
    let mut answering = pin!(async { answering.await });
    let (mut follow, mut until_asked) = (pin!(follow), pin!(until_asked.fuse()));
    loop {
        tokio::select! {
            ended = &mut answering => {
                ended.map_err(cannot)?;
                return Ok(0);
            }
            never = &mut follow => match never {},
            never = &mut work => match never {},
            never = &mut traces => match never {},
            () = &mut until_asked => {}
            Some(remark) = remarked.recv() => output.remark(&remark)?,
        }
    }
}

/// Does what was accepted, for as long as it is served.
async fn work(window: Arc<Window>, pushes: Option<Arc<Pushes>>) -> Infallible {
    let rules = async {
        match &window.hooks {
            Some(hooks) => {
                let (bus, told) = (&window.bus, window.live.told());
                Box::pin(hooks.work(bus, told, &window.remarks)).await
            }
            None => std::future::pending().await,
        }
    };
    let fleet = async {
        match &pushes {
            Some(pushes) => pushes.work().await,
            None => std::future::pending().await,
        }
    };
    futures_util::future::join(rules, fleet).await.0
}

fn router(window: Arc<Window>, shutdown: CancellationToken) -> Router {
    let read = Router::new()
        .route("/api/v1/state", get(answers::state))
        .route("/api/v1/events", get(answers::events))
        .route("/api/v1/guests/{vmid}/history", get(answers::history))
        .route("/api/v1/guests/{vmid}/log", get(log::tell))
        .route("/api/v1/dead/{letter}", get(acts::story))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&window), visits::reads));
    let act = Router::new()
        .route("/api/v1/guests/{vmid}/answer", post(acts::answer_guest))
        .route("/api/v1/guests/{vmid}/retry", post(acts::retry))
        .route("/api/v1/guests/{vmid}/cancel", post(acts::cancel_guest))
        .route("/api/v1/runs/{run}/answer", post(acts::answer_run))
        .route("/api/v1/runs/{run}/cancel", post(acts::cancel_run))
        .route("/api/v1/incidents/{incident}/ack", post(acts::acknowledge))
        .route("/api/v1/dead/{letter}/replay", post(acts::replay))
        .route("/api/v1/dead/{letter}/discard", post(acts::discard))
        .route("/api/v1/sign-out", post(visits::sign_out));
    parts::routes()
        .merge(read)
        .merge(act)
        .route("/api/v1/session", get(visits::session))
        .route("/api/v1/sign-in", post(visits::sign_in))
        .route("/hooks/v1/{source}", post(hooks::receive))
        .route("/livez", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/metrics", get(metrics::tell))
        .layer(DefaultBodyLimit::max(TYPED))
        .layer(middleware::from_fn_with_state(Arc::clone(&window), guard::guard))
        .with_state(answers::Shared { window, shutdown })
}
