//! Takes the jobs of one host and makes its guests as they should be.
//!
//! `dispatcher` wakes guests, `intake` takes the tokens, `attend` does what there is to do for one
//! guest, `journal` turns what the engine tells into events. `forecast` is what `answers` tells those
//! who ask what would be done, and how `drift` finds what is otherwise than it was left; `gateways`
//! has those go again that lead elsewhere than they should. `supervision` tells systemd that the worker lives. Whatever is killed: the log says what is wanted, the host says what is, and the kernel lock says who is at it.

mod about;
mod answers;
mod attend;
mod change;
mod context;
mod difference;
mod dispatcher;
mod drift;
mod duty;
mod epochs;
mod error;
mod failure;
mod forecast;
mod gateways;
mod intake;
mod journal;
mod limits;
mod locks;
mod presence;
mod program;
mod safe;
mod settings;
mod sim;
mod stock;
mod supervision;
mod tidy;
mod view;
mod voice;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phoenix_bus::{Bus, BusError, Durability, Proof, Teller};
use phoenix_domain::{Class, WorkerName};
use phoenix_hypervisor::{Hypervisor, Patience};
use phoenix_service::Supervisor;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::context::{Busy, Context, now};
use crate::duty::Duty;
use crate::epochs::Epochs;
use crate::limits::Limited;
use crate::stock::Stock;
use crate::view::View;

pub use change::{CHANGE_VERB, SimChange};
pub use error::WorkerError;
pub use program::main;
pub use settings::{HostKind, Pace, Settings, Vouched};
pub use sim::{Sim, SimVerb};

/// How long the connection may take to close.
const GOODBYE: Duration = Duration::from_secs(3);

/// Works on a host until it is asked to end.
pub async fn run<H: Hypervisor + 'static>(
    settings: Settings,
    host: H,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    make_folder(&settings.run_dir)?;
    let folder = settings.state_dir.join("epoch");
    let epochs =
        Epochs::open(&folder).map_err(|err| WorkerError::Folder { path: folder.clone(), err })?;
    let inventory = host.inventory().await.map_err(WorkerError::Host)?;
    let gpus = inventory.gpus.iter().map(|gpu| Class::Gpu(gpu.index));
    let classes: Vec<_> = std::iter::once(Class::Std).chain(gpus).collect();

    let instance = uuid::Uuid::now_v7().simple().to_string();
    let worker = WorkerName { host: settings.node.clone(), instance };
    let bus =
        Bus::connect(&settings.nats.address(format!("phoenix-worker {}", worker.host))).await?;
    let setup = bus.set_up(bus.durability(&proof(&settings)).await?).await?;
    if setup.durability == Durability::Lossy {
        warn!("a power failure may lose every accepted job: --accept-data-loss was given");
    }
    let drained = bus.drain_of(&worker.host).await?;
    let (nudge, nudges) = mpsc::unbounded_channel();
    let source = format!("//{}/phoenix/worker/{}", worker.host, worker.instance);
    let context = Arc::new(Context {
        teller: Teller { source, traceparent: None, clock: now },
        host: Limited::new(host, settings.clones),
        view: View::default(),
        stock: Stock::below(&settings.state_dir),
        busy: Busy::default(),
        tools: Mutex::default(),
        known: gateways::Known::default(),
        patience: Patience::default(),
        settings,
        worker,
        bus: bus.clone(),
        setup,
        epochs,
        duty: Duty::new(&shutdown, drained),
        shutdown: shutdown.clone(),
        nudge,
    });
    let presence = presence::begin(&context).await?;
    if let Some(path) = &context.settings.ready_file {
        std::fs::write(path, std::process::id().to_string())
            .map_err(|err| WorkerError::Folder { path: path.clone(), err })?;
    }
    info!(host = %context.worker.host, driver = inventory.driver, "the worker is there");

    let (roll_call, roll_calls) = supervision::roll_calls();
    let mut parts = JoinSet::new();
    parts.spawn(dispatcher::run(Arc::clone(&context), classes.clone(), nudges, roll_calls));
    for class in classes {
        let intake = intake::run(Arc::clone(&context), class);
        parts.spawn(async {
            intake.await;
            Ok(())
        });
    }
    parts.spawn(answers::run(Arc::clone(&context)));
    let presence = presence::keep(Arc::clone(&context), presence);
    parts.spawn(async {
        presence.await;
        Ok(())
    });
    let drift = drift::keep(Arc::clone(&context));
    parts.spawn(async {
        drift.await;
        Ok(())
    });
    let of_duty = Arc::clone(&context);
    parts.spawn(async move {
        duty::keep(&of_duty).await;
        Ok(())
    });
    let tidy = tidy::keep(Arc::clone(&context));
    parts.spawn(async {
        tidy.await;
        Ok(())
    });
    let gateways = gateways::keep(Arc::clone(&context));
    parts.spawn(async {
        gateways.await;
        Ok(())
    });
    let supervision = supervision::keep(context, Supervisor::of_this_process(), roll_call);
    let ended = tokio::select! {
        ended = end_of(parts, &shutdown) => ended,
        never = supervision => match never {},
    };
    // A server that is away hears no goodbye.
    drop(tokio::time::timeout(GOODBYE, bus.close()).await);
    info!("the worker has ended");
    ended
}

/// Waits until all parts have ended, and says how.
async fn end_of(
    mut parts: JoinSet<Result<(), BusError>>,
    shutdown: &CancellationToken,
) -> Result<(), WorkerError> {
    let mut ended = Ok(());
    while let Some(part) = parts.join_next().await {
        match part {
            Ok(Ok(())) => {}
            Ok(Err(err)) => ended = Err(WorkerError::Bus(err)),
            Err(err) => ended = Err(WorkerError::NotStarted(err.into())),
        }
        // One part that ends ends all: a worker that is half there helps nobody.
        shutdown.cancel();
    }
    ended
}

fn proof(settings: &Settings) -> Proof {
    match settings.durability {
        _ if settings.accept_data_loss => Proof::Vouched(Durability::Lossy),
        Some(Vouched::Always) => Proof::Vouched(Durability::Synced),
        Some(Vouched::Replicated) => Proof::Vouched(Durability::Replicated),
        None => Proof::Ask { monitor: settings.nats_monitor.clone() },
    }
}

fn make_folder(path: &Path) -> Result<(), WorkerError> {
    std::fs::create_dir_all(path).map_err(|err| WorkerError::Folder { path: path.to_owned(), err })
}
