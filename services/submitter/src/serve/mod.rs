//! `phoenix serve`: a page in the browser that shows how everything is, as it happens.

mod again;
mod answers;
mod guard;
mod hooks;
mod live;
mod pushes;
mod view;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use futures_util::FutureExt as _;
use phoenix_bus::Bus;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::output::Output;
use crate::session;

use self::guard::Names;
use self::hooks::Hooks;
use self::live::Live;
use self::pushes::{Around, Pushes};

/// How many remarks may wait to be written; those beyond are not worth a sender's time.
const REMARKS: usize = 64;

/// What every answer is made of.
struct Window {
    bus: Bus,
    live: Live,
    names: Names,
    /// Absent where nobody may send webhooks.
    hooks: Option<Hooks>,
    /// What the operator is told.
    remarks: mpsc::Sender<String>,
}

pub(crate) fn run(args: &ServeArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(serve(args, output))
}

async fn serve(args: &ServeArgs, output: &mut Output) -> Result<u8, CommandError> {
    if !args.listen.ip().is_loopback() && !args.let_anybody_read {
        return Err(CommandError::OpenToAnybody { listen: args.listen });
    }
    let session = session::open(&args.connect, output).await?;
    let hooks = args.hooks.as_ref();
    let hooks = hooks.map(|path| Hooks::read(path, args, session.setup.clone())).transpose()?;
    let (hooks, fleet) = hooks.unzip();
    let cannot = |err| CommandError::NoListener { listen: args.listen, err };
    let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
    let at = listener.local_addr().map_err(cannot)?;
    let (live, follow) = Live::begin(session.bus.clone()).await?;
    let names = Names::of(at, &args.name);
    let (remarks, mut remarked) = mpsc::channel(REMARKS);
    let pushes = match fleet.flatten() {
        None => None,
        Some(fleet) => {
            let around = Around {
                bus: session.bus.clone(),
                setup: session.setup.clone(),
                config: args.config.clone(),
                live: live.clone(),
                remarks: remarks.clone(),
            };
            Some(Arc::new(Pushes::begin(fleet, &args.state_dir, around).await?))
        }
    };
    let hooks = hooks.map(|hooks| hooks.with(pushes.clone()));
    let window = Arc::new(Window { bus: session.bus.clone(), live, names, hooks, remarks });
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
            () = &mut until_asked => {}
            Some(remark) = remarked.recv() => output.remark(&remark)?,
        }
    }
}

/// Does what was accepted, for as long as it is served.
async fn work(window: Arc<Window>, pushes: Option<Arc<Pushes>>) -> Infallible {
    let rules = async {
        match &window.hooks {
            Some(hooks) => hooks.work(&window.bus, &window.remarks).await,
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
    Router::new()
        .route("/", get(answers::page))
        .route("/page.css", get(answers::style))
        .route("/page.js", get(answers::script))
        .route("/hooks/v1/{source}", post(hooks::receive))
        .route("/livez", get(answers::alive))
        .route("/readyz", get(answers::ready))
        .route("/api/v1/state", get(answers::state))
        .route("/api/v1/events", get(answers::events))
        .route("/api/v1/guests/{vmid}/history", get(answers::history))
        .layer(middleware::from_fn_with_state(Arc::clone(&window), guard::guard))
        .with_state(answers::Shared { window, shutdown })
}
