//! From arguments to a worker at work.

use std::process::ExitCode;
use std::sync::Arc;

use phoenix_hypervisor::Idle;
use phoenix_hypervisor::Library;
use phoenix_hypervisor::lxc::{Lxc, Machine};
use phoenix_hypervisor::proxmox::{Node, Proxmox};
use phoenix_hypervisor::simulated;
use phoenix_hypervisor::simulated::{Effects, Simulated, init};
use phoenix_secrets::{Salt, Secrets};
use phoenix_service::on_signal;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::change::CHANGE_VERB;
use crate::error::WorkerError;
use crate::make_folder;
use crate::safe::Safe;
use crate::settings::{HostKind, Pace, Settings};
use crate::stock::Stock;

/// Works until it is asked to end, and returns how that went.
pub fn main(settings: Settings) -> ExitCode {
    let settings = settings.wherever_we_are();
    let log = settings.log.clone();
    match log.begin().map_err(WorkerError::from).and_then(|()| start(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            log.complain(&err, &err.advice());
            ExitCode::from(err.exit_code())
        }
    }
}

fn start(settings: Settings) -> Result<(), WorkerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(WorkerError::NotStarted)?;
    runtime.block_on(async {
        let (shutdown, signals) = on_signal().map_err(WorkerError::NotStarted)?;
        let signals = tokio::spawn(signals);
        let ended = match settings.host {
            HostKind::Idle => crate::run(settings, Idle::default(), shutdown).await,
            HostKind::Simulated => simulated(settings, shutdown).await,
            // The largest of them, which would be set aside for the others as well.
            HostKind::Lxc => Box::pin(lxc(settings, shutdown)).await,
            HostKind::Proxmox => Box::pin(proxmox(settings, shutdown)).await,
        };
        signals.abort();
        ended
    })
}

async fn proxmox(settings: Settings, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let node = Node {
        name: settings.node.clone(),
        cell: settings.nats.cell.clone(),
        root: settings.host_root.clone(),
        state_dir: settings.state_dir.clone(),
        run_dir: settings.run_dir.clone(),
        library: library(&settings)?,
    };
    let host = Proxmox::open(&node).map_err(WorkerError::Host)?;
    crate::run(settings, host, shutdown).await
}

async fn lxc(settings: Settings, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let machine = Machine {
        name: settings.node.clone(),
        cell: settings.nats.cell.clone(),
        dir: settings.state_dir.join("lxc"),
        run_dir: settings.run_dir.clone(),
        netns: settings.netns.clone(),
        library: library(&settings)?,
    };
    let host = Lxc::open(&machine).map_err(WorkerError::Host)?;
    crate::run(settings, host, shutdown).await
}

fn library(settings: &Settings) -> Result<Library, WorkerError> {
    make_folder(&settings.state_dir)?;
    let salt = Salt::open(&settings.state_dir).map_err(WorkerError::Salt)?;
    let secrets = Secrets::new(settings.secrets.settings());
    Ok(Library {
        features: settings.features.clone(),
        scripts: settings.scripts.clone(),
        tests: settings.tests.clone(),
        packs: Some(Stock::below(&settings.state_dir).folder().to_owned()),
        profiles: settings.profiles.clone(),
        vault: Some(Arc::new(Safe { secrets, salt })),
    })
}

async fn simulated(settings: Settings, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let folder = settings.sim_dir.clone().ok_or(WorkerError::Missing { what: "--sim-dir" })?;
    warn!(folder = %folder.display(), "SIMULATION: no guest is real");
    if !folder.join("settings.json").exists() {
        let made = match settings.sim_pace {
            Pace::Natural => simulated::Settings::natural(),
            Pace::Instant => simulated::Settings::instant(),
        };
        init(&folder, &made).map_err(WorkerError::Host)?;
    }
    // Each change is a process of this very program, as it would be one of Proxmox's.
    let program = std::env::current_exe().map_err(WorkerError::NotStarted)?;
    let effects = Effects::ByChild { program, arguments: vec![CHANGE_VERB.into()] };
    let host = Arc::new(Simulated::open(&folder, effects).map_err(WorkerError::Host)?);
    let services = tokio::spawn(Arc::clone(&host).serve(shutdown.clone().cancelled_owned()));
    let ended = crate::run(settings, Simulated::clone(&host), shutdown).await;
    services.abort();
    ended
}
