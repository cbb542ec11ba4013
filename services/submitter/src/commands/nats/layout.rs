//! What was asked for so far: it stands beside what was written, so that asking for more takes nothing away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phoenix_bus::{Role, Server, Tls};
use phoenix_domain::NodeName;
use serde::{Deserialize, Serialize};

use super::error::NatsError;
use crate::cli::NatsInitArgs;

/// Where one server is when nobody says so.
const USUAL_PORT: u16 = 4222;

/// What was asked for so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    cell: NodeName,
    pub(super) hosts: BTreeSet<NodeName>,
    pub(super) servers: Vec<Server>,
    /// Where the operator's own certificate is on each server.
    pub(super) tls: Option<Tls>,
    pub(super) store: PathBuf,
    pub(super) leaves: BTreeMap<NodeName, Leaf>,
}

/// The server of a host that cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaf {
    pub(super) port: u16,
    /// Where it calls; the servers themselves where that is empty.
    pub(super) remotes: Vec<Server>,
}

impl Layout {
    /// Returns where it stands.
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("nats.json")
    }

    /// Reads what was asked for so far.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, NatsError> {
        let path = Self::path(dir);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|err| NatsError::NoLayout { path, err }),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(NatsError::NotRead { path, err }),
        }
    }

    /// Returns what is asked for now, on top of what was before.
    pub(super) fn with(before: Option<&Self>, args: &NatsInitArgs) -> Result<Self, NatsError> {
        let mut layout = before.cloned().unwrap_or_else(|| Self {
            cell: args.cell.clone(),
            hosts: BTreeSet::new(),
            servers: vec![Server {
                name: "nats".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: USUAL_PORT,
            }],
            tls: None,
            store: args.store.clone(),
            leaves: BTreeMap::new(),
        });
        if layout.cell != args.cell {
            let (dir, there, wanted) = (args.dir.clone(), layout.cell, args.cell.clone());
            return Err(NatsError::OtherCell { dir, there, wanted });
        }
        layout.hosts.extend(args.hosts.iter().chain(&args.leaf_for).cloned());
        if let Some(server) = &args.server {
            layout.servers = vec![server.clone()];
        }
        if !args.cluster.is_empty() {
            layout.servers.clone_from(&args.cluster);
        }
        if let (Some(cert), Some(key), Some(ca)) = (&args.tls_cert, &args.tls_key, &args.tls_ca) {
            layout.tls = Some(Tls { cert: cert.clone(), key: key.clone(), ca: ca.clone() });
        }
        if let Some(host) = &args.leaf_for {
            let leaf = Leaf { port: args.leaf_port, remotes: args.remote.clone() };
            layout.leaves.insert(host.clone(), leaf);
        }
        layout.checked()
    }

    fn checked(self) -> Result<Self, NatsError> {
        let count = self.servers.len();
        if count.is_multiple_of(2) {
            return Err(NatsError::Even { count });
        }
        let mut names = BTreeSet::new();
        match self.servers.iter().find(|server| !names.insert(&server.name)) {
            Some(server) => Err(NatsError::Twice { name: server.name.clone() }),
            None => Ok(self),
        }
    }

    /// Returns where a server keeps what it stores. A cluster removes what it finds of a server that was alone,
    /// so it is never given that folder.
    pub(super) fn store_of(&self, server: &Server) -> PathBuf {
        let store =
            if self.servers.len() > 1 { self.store.join("cluster") } else { self.store.clone() };
        store.join(&server.name)
    }

    /// Says what a server that was alone has stored, where a cluster takes its place.
    pub(super) fn left_behind(&self, before: Option<&Self>) -> Option<String> {
        let alone = before.filter(|before| before.servers.len() == 1 && self.servers.len() > 1)?;
        let store = alone.store_of(alone.servers.first()?);
        Some(format!(
            "warning: the cluster begins empty: what the one server stored stays in {}\n\
             hint: take it along: `nats account backup` before, `nats account restore` after; docs/nats.md says how",
            store.display()
        ))
    }

    /// Returns everybody who is let in.
    pub(super) fn roles(&self) -> impl Iterator<Item = Role> {
        Role::SINGLE.into_iter().chain(self.hosts.iter().cloned().map(Role::Worker))
    }
}
