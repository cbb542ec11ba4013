//! What an acknowledgement of the server is worth.
//!
//! By default nats-server acknowledges first and writes to disk up to two minutes later: a power
//! failure then loses everything it had acknowledged, streams included.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::connect::Bus;
use crate::error::{BoxError, BusError};
use crate::survey::Fill;

/// What an acknowledgement of the server is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It has been written to disk: `sync_interval: always`.
    Synced,
    /// Three servers have it.
    Replicated,
    /// A power failure may lose it, and somebody said that this is all right.
    Lossy,
}

/// How the durability of the server is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The server is asked, where its monitoring answers.
    Ask {
        /// The address of the monitoring, `http://host:8222`.
        monitor: Option<String>,
    },
    /// Somebody vouches for it.
    Vouched(Durability),
}

/// Where a server keeps what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The folder, on its machine.
    pub folder: PathBuf,
    /// How much of what it may take is taken.
    pub fill: Fill,
}

impl Durability {
    pub(crate) fn replicas(self) -> usize {
        match self {
            Self::Replicated => 3,
            Self::Synced | Self::Lossy => 1,
        }
    }

    /// Returns the word under which the streams' own description carries it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Replicated => "replicated",
            Self::Lossy => "lossy",
        }
    }

    pub(crate) fn from_word(word: Option<&str>, replicas: usize) -> Self {
        match word {
            Some("synced") => Self::Synced,
            Some("replicated") if replicas >= 3 => Self::Replicated,
            Some(_) | None => Self::Lossy,
        }
    }
}

#[derive(Deserialize)]
struct Monitored {
    jetstream: Option<JetStream>,
    #[serde(default)]
    cluster: Cluster,
}

#[derive(Default, Deserialize)]
struct Cluster {
    #[serde(default)]
    urls: Vec<String>,
}

#[derive(Deserialize)]
struct JetStream {
    config: Option<Config>,
    #[serde(default)]
    stats: Stats,
}

#[derive(Default, Deserialize)]
struct Stats {
    #[serde(default)]
    storage: u64,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
    #[serde(default)]
    sync_interval: u64,
    #[serde(default)]
    store_dir: PathBuf,
    #[serde(default)]
    max_storage: i64,
}

impl Store {
    /// Asks a server for it where its monitoring answers; nothing where it has no JetStream.
    pub async fn ask(monitor: &str) -> Result<Option<Self>, BoxError> {
        let told = ask(monitor).await?;
        Ok(told.jetstream.and_then(|jetstream| {
            let (config, there) = (jetstream.config?, jetstream.stats.storage);
            let most = u64::try_from(config.max_storage).ok();
            Some(Self { folder: config.store_dir, fill: Fill { of: "bytes", there, most } })
        }))
    }
}

impl Bus {
    /// Finds out what an acknowledgement is worth, and refuses where it is worth nothing.
    pub async fn durability(&self, proof: &Proof) -> Result<Durability, BusError> {
        let monitor = match proof {
            Proof::Vouched(durability) => return Ok(*durability),
            Proof::Ask { monitor } => monitor.clone(),
        };
        let unknown = |why: String| BusError::DurabilityUnknown { url: self.url.clone(), why };
        let Some(monitor) = monitor else {
            return Err(unknown("no monitoring address was given".to_owned()));
        };
        let told = ask(&monitor).await.map_err(|err| unknown(err.to_string()))?;
        let Some(config) = told.jetstream.and_then(|jetstream| jetstream.config) else {
            return Err(BusError::NoJetStream { url: self.url.clone() });
        };
        if config.sync_always {
            return Ok(Durability::Synced);
        }
        // The others of a cluster, three servers in all.
        if told.cluster.urls.len() >= 2 {
            return Ok(Durability::Replicated);
        }
        let seconds = config.sync_interval / 1_000_000_000;
        let found = format!("one server, sync_interval {seconds} s");
        Err(BusError::NotDurable { url: self.url.clone(), found })
    }
}

async fn ask(monitor: &str) -> Result<Monitored, BoxError> {
    let url = format!("{}/varz", monitor.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let answer = client.get(url).send().await?.error_for_status()?;
    answer.json().await.map_err(|err| format!("its answer is of another kind: {err}").into())
}
