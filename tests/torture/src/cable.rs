//! A cable between a worker and the server, which can be cut in one direction or in both: its connections stay, and
//! nothing comes through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How often a cut cable is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A cable.
#[derive(Clone, Debug)]
pub(crate) struct Cable {
    pub(crate) url: String,
    there: Arc<AtomicBool>,
    back: Arc<AtomicBool>,
}

impl Cable {
    /// Lays one to this server, for as long as the runtime is there.
    pub(crate) async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let cable = Self { url, there: Arc::default(), back: Arc::default() };
        let laid = cable.clone();
        tokio::spawn(async move {
            while let Ok((worker, _)) = listener.accept().await {
                let (cable, server) = (laid.clone(), server.clone());
                tokio::spawn(async move {
                    cable.wait(&cable.there).await;
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    let ((from, to), (other, back)) = (worker.into_split(), server.into_split());
                    tokio::join!(
                        cable.pass(from, back, &cable.there),
                        cable.pass(other, to, &cable.back)
                    );
                });
            }
        });
        cable
    }

    /// Lets nothing through: of what the worker says, of what it is told, or of both.
    pub(crate) fn cut(&self, there: bool, back: bool) {
        self.there.store(there, Ordering::Relaxed);
        self.back.store(back, Ordering::Relaxed);
    }

    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, is_cut: &AtomicBool) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            self.wait(is_cut).await;
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }

    async fn wait(&self, is_cut: &AtomicBool) {
        while is_cut.load(Ordering::Relaxed) {
            tokio::time::sleep(POLL).await;
        }
    }
}
