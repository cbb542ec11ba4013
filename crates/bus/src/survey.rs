//! How the server and all it keeps is, for who looks after it. Looking changes nothing.

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::act::Act;
use crate::connect::Bus;
use crate::durability::Durability;
use crate::error::{BusError, Failing as _};
use crate::forward::{NEWEST_LAYOUT, forward, newer_layout};
use crate::likeness::{differences, limit};
use crate::names::LOG;

/// A stream that is to be there, or the one behind a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSeen {
    /// Its name.
    pub name: String,
    /// How it is; absent where it is not there.
    pub there: Option<StreamThere>,
}

/// How a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamThere {
    /// In what it is less than wanted, or otherwise.
    pub otherwise: Vec<&'static str>,
    /// In what it is more than this version asks for, and left so.
    pub beyond: Vec<&'static str>,
    /// By which layout it was set up, where this version does not know that yet, and which is the newest it knows.
    pub newer: Option<(u32, u32)>,
    /// What it holds of what it may hold, in bytes, messages and consumers.
    pub fill: [Fill; 3],
    /// How many servers are to keep it.
    pub replicas: usize,
    /// Those of them that are away, or behind.
    pub behind: Vec<String>,
}

/// How full something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Of what.
    pub of: &'static str,
    /// How much there is.
    pub there: u64,
    /// How much there may be, where that is limited.
    pub most: Option<u64>,
}

/// The part of a server's answer that tells its time.
#[derive(Deserialize)]
struct Told {
    ts: DateTime<Utc>,
}

impl Bus {
    /// Returns the version of the server.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Says whether the server asks who somebody is.
    pub fn is_guarded(&self) -> bool {
        self.client.server_info().auth_required
    }

    /// Returns what time it is where the log is kept.
    pub async fn server_time(&self) -> Result<DateTime<Utc>, BusError> {
        let doing = "asking for the time";
        let asking = async {
            let subject = format!("$JS.API.STREAM.INFO.{LOG}");
            let answer = self.client.request(subject, "".into()).await.failing(doing)?;
            // An answer that there is no such stream has no time in it.
            let told = serde_json::from_slice::<Told>(&answer.payload);
            told.map(|told| told.ts).map_err(|_| BusError::NotSetUp { url: self.url.clone() })
        };
        self.allowed(Act::ReadLog, asking).await
    }

    /// Looks at each stream and bucket that is to be there. One that our key may not look at is an error of its
    /// own.
    pub async fn survey(
        &self,
        durability: Durability,
    ) -> Result<Vec<Result<StreamSeen, BusError>>, BusError> {
        let (all, _) = self.wanted(durability)?;
        let mut seen = Vec::new();
        for wanted in all {
            seen.push(self.seen(wanted).await);
        }
        Ok(seen)
    }

    async fn seen(&self, wanted: Config) -> Result<StreamSeen, BusError> {
        let info = self.allowed(Act::CheckSetUp, self.info(&wanted.name)).await?;
        let there = info.map(|info| {
            let next = forward(&info.config, &wanted);
            let newer = newer_layout(&info.config).map(|layout| (layout, NEWEST_LAYOUT));
            StreamThere {
                otherwise: differences(&info.config, &next),
                // Who comes by a leaf is told nothing of the cluster behind it.
                beyond: differences(
                    &next,
                    &Config { num_replicas: next.num_replicas, ..wanted.clone() },
                ),
                newer,
                fill: fill(&info),
                replicas: info.config.num_replicas,
                behind: behind(&info),
            }
        });
        Ok(StreamSeen { name: wanted.name, there })
    }
}

fn fill(info: &Info) -> [Fill; 3] {
    let (config, state) = (&info.config, &info.state);
    let consumers = u64::try_from(state.consumer_count).unwrap_or(u64::MAX);
    // Where the oldest goes for the newest, it is full most of the time, and well.
    let most = |most| limit(most).filter(|_| config.discard == DiscardPolicy::New);
    [
        Fill { of: "bytes", there: state.bytes, most: most(config.max_bytes) },
        Fill { of: "messages", there: state.messages, most: most(config.max_messages) },
        Fill { of: "consumers", there: consumers, most: limit(config.max_consumers.into()) },
    ]
}

fn behind(info: &Info) -> Vec<String> {
    let peers = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
    peers.filter(|peer| peer.offline || !peer.current).map(|peer| peer.name.clone()).collect()
}
