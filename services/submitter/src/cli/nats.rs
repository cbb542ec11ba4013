//! What may be typed about nats-server. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_bus::Server;
use phoenix_domain::NodeName;

use super::words;

/// The verbs about nats-server.
#[derive(Debug, Subcommand)]
pub enum NatsCommand {
    /// Write the configuration of nats-server: who is let in with which key, and may do what
    ///
    /// Typed again it changes nothing but what is asked for: keys and certificates stay, and a new host is
    /// added.
    Init(Box<NatsInitArgs>),
    /// Make the streams and buckets, as admin; on a cluster each is kept by three servers
    Setup(NatsSetupArgs),
    /// Print what each role may do, and which subjects that takes
    Roles,
}

/// What `nats init` takes.
#[derive(Debug, Args)]
pub struct NatsInitArgs {
    /// Where it is written, and where each server finds its folder
    #[arg(long, value_name = "DIR", default_value = "/etc/phoenix/nats", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The hosts whose workers are let in
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = words::node)]
    pub(crate) hosts: Vec<NodeName>,
    /// The address of one server; else 127.0.0.1:4222
    #[arg(long, value_name = "HOST:PORT", value_parser = one_server, conflicts_with = "cluster")]
    pub(crate) server: Option<Server>,
    /// The servers of a cluster, three or five: `n1=10.0.0.1:4222,n2=10.0.0.2:4222,n3=10.0.0.3:4222`
    #[arg(long, value_name = "NAME=HOST:PORT,…", value_delimiter = ',', value_parser = server)]
    pub(crate) cluster: Vec<Server>,
    /// A host that can call, and not be called: a server of its own is written for it
    #[arg(long, value_name = "HOST", value_parser = words::node)]
    pub(crate) leaf_for: Option<NodeName>,
    /// The port on which that one listens, on its own machine alone
    #[arg(long, value_name = "PORT", default_value_t = 4222, requires = "leaf_for")]
    pub(crate) leaf_port: u16,
    /// Where that one calls, if not the servers by the address they have here; may be given again
    #[arg(long, value_name = "HOST:PORT", value_parser = one_server, requires = "leaf_for")]
    pub(crate) remote: Vec<Server>,
    /// Where each server keeps what it stores, in a folder of its name
    #[arg(long, value_name = "DIR", default_value = "/var/lib/phoenix/nats", value_hint = ValueHint::DirPath)]
    pub(crate) store: PathBuf,
    /// File on each server with a certificate of one's own; without it one is made
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"], value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// File on each server with the key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with who vouches for those certificates; whoever has one of that is let into the cluster
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The cell: the guests whose numbers and hosts are one world
    #[arg(long, value_name = "NAME", env = "PHOENIX_CELL", default_value = phoenix_bus::USUAL_CELL, value_parser = words::node)]
    pub(crate) cell: NodeName,
}

/// What `nats setup` takes.
#[derive(Debug, Args)]
pub struct NatsSetupArgs {
    /// Where the monitoring of NATS answers: it tells whether an acknowledgement is worth anything
    #[arg(
        long,
        env = "PHOENIX_NATS_MONITOR",
        value_name = "URL",
        default_value = "http://127.0.0.1:8222"
    )]
    pub(crate) nats_monitor: String,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// Reads `HOST:PORT`.
fn one_server(text: &str) -> Result<Server, String> {
    let (host, port) = text.rsplit_once(':').ok_or("an address is HOST:PORT")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err("HOST is a name or an address".to_owned());
    }
    let port = port.parse().map_err(|_| "PORT is a number")?;
    if port == 0 || port > Server::LAST_PORT {
        return Err(format!(
            "PORT is at most {}: those behind it are used, too",
            Server::LAST_PORT
        ));
    }
    Ok(Server { name: "nats".to_owned(), host: host.to_owned(), port })
}

/// Reads `NAME=HOST:PORT`.
fn server(text: &str) -> Result<Server, String> {
    let (name, address) = text.split_once('=').ok_or("a server is NAME=HOST:PORT")?;
    let name = words::node(name)?.to_string();
    Ok(Server { name, ..one_server(address)? })
}
