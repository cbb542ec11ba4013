//! A nats-server that writes to disk before it acknowledges.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::{Child, Program};
use super::error::UpError;

/// How long it may take to come up: it reads its streams first.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running nats-server.
pub(crate) struct Nats {
    pub(crate) child: Child,
    program: Program,
    folder: PathBuf,
    port: u16,
    monitor: String,
}

impl Nats {
    pub(crate) async fn start(server: &Path, data: &Path, port: u16) -> Result<Self, UpError> {
        // A free one is one that was just free: it has to be the same again after a restart.
        let port = TcpListener::bind(("127.0.0.1", port))
            .and_then(|listener| listener.local_addr())
            .map_err(|_| UpError::PortTaken { port })?
            .port();
        let folder = data.join("nats");
        let unusable = |err| UpError::Folder { path: folder.clone(), err };
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let config = folder.join("nats-server.conf");
        std::fs::write(&config, settings(&folder, port)).map_err(unusable)?;
        let program =
            Program::at(server).arg("--config").arg(&config).log(folder.join("nats-server.log"));
        let child = Child::start("nats-server", &program)?;
        let mut nats = Self { child, program, folder, port, monitor: String::new() };
        nats.come_up().await?;
        Ok(nats)
    }

    pub(crate) async fn restart(&mut self) -> Result<(), UpError> {
        self.child = Child::start("nats-server", &self.program)?;
        self.come_up().await
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn monitor(&self) -> &str {
        &self.monitor
    }

    /// Waits until it says where it listens.
    async fn come_up(&mut self) -> Result<(), UpError> {
        let file = self.folder.join(format!("nats-server_{}.ports", self.child.pid()));
        let told = async {
            loop {
                if let Some(monitor) = monitoring(&file) {
                    return monitor;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let come_up = tokio::select! {
            monitor = tokio::time::timeout(PATIENCE, told) => monitor.ok(),
            _ = self.child.ended() => None,
        };
        match come_up {
            Some(monitor) => {
                self.monitor = monitor;
                Ok(())
            }
            None => Err(UpError::NatsFailed { log: self.end_of_log() }),
        }
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("nats-server.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.len().saturating_sub(5);
        lines.get(last..).unwrap_or_default().join("\n")
    }
}

fn monitoring(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
    ports.get("monitoring")?.get(0)?.as_str().map(str::to_owned)
}

/// Returns the settings: reachable from this machine only, and nothing acknowledged that is not on
/// disk.
fn settings(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "# Written by `phoenix up`, at every start.\n\
         server_name: phoenix\n\
         listen: \"127.0.0.1:{port}\"\n\
         http: \"127.0.0.1:-1\"\n\
         ports_file_dir: \"{folder}\"\n\
         max_payload: 1MB\n\
         jetstream {{\n  \
           store_dir: \"{folder}/store\"\n  \
           max_memory_store: 256MB\n  \
           # A power failure loses nothing that was acknowledged.\n  \
           sync_interval: always\n\
         }}\n"
    )
}
