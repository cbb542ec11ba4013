//! What a nats-server is told: who may do what, by the table of acts, and that nothing is acknowledged that is
//! not on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use phoenix_domain::NodeName;
use serde::{Deserialize, Serialize};

use crate::error::BusError;
use crate::forbidden::covers;
use crate::key::Key;
use crate::names::Cell;
use crate::role::Role;
use crate::streams;

/// The account that everybody of a cell is in.
const ACCOUNT: &str = "PHOENIX";
/// How far behind the port for clients those for other things are: routes, leaves and monitoring.
const ROUTES: u16 = 2000;
const LEAVES: u16 = 3200;
const MONITORING: u16 = 4000;
/// Has a leaf pass on what is asked of the streams: it has none.
const THROUGH: &str = "default_js_domain: { PHOENIX: \"\" }\n";

/// A server, by where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// The address of its machine.
    pub host: String,
    /// The port for clients. Those for other things follow from it, as 6222, 7422 and 8222 do from 4222.
    pub port: u16,
}

/// What a server proves itself with, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The file with its certificate.
    pub cert: PathBuf,
    /// The file with the key of that.
    pub key: PathBuf,
    /// The file with who vouches for the others.
    pub ca: PathBuf,
}

/// The public keys of those who are let in.
pub type Users = BTreeMap<Role, String>;

impl Server {
    /// The last port for clients that leaves room for the others.
    pub const LAST_PORT: u16 = u16::MAX - MONITORING;

    /// Returns what clients call.
    pub fn url(&self) -> String {
        format!("tls://{}", self.at(0))
    }

    /// Returns where its monitoring answers, on its own machine alone.
    pub fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.saturating_add(MONITORING))
    }

    /// Returns all ports that it listens on.
    pub fn ports(&self) -> [u16; 4] {
        [0, ROUTES, LEAVES, MONITORING].map(|further| self.port.saturating_add(further))
    }

    fn at(&self, further: u16) -> String {
        let host = match self.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => self.host.clone(),
        };
        format!("{host}:{}", self.port.saturating_add(further))
    }

    /// Returns where it listens: at its address, or at any where that is a name.
    fn listen(&self, further: u16) -> String {
        if self.host.parse::<IpAddr>().is_ok() {
            return self.at(further);
        }
        format!("0.0.0.0:{}", self.port.saturating_add(further))
    }

    /// Returns the configuration of this one of those of a site.
    pub fn config(&self, site: &Site<'_>, tls: &Tls, store: &Path) -> String {
        let mut text = format!(
            "server_name: \"{}\"\n\
             listen: \"{}\"\n\
             client_advertise: \"{}\"\n\
             # Whether it writes to disk is asked here; it says nothing that only some should know.\n\
             http: \"127.0.0.1:{}\"\n\
             max_payload: 1MB\n\
             tls {{\n{}}}\n\
             jetstream {{\n  \
               store_dir: \"{}\"\n  \
               max_memory_store: 256MB\n  \
               # A power failure loses nothing that was acknowledged.\n  \
               sync_interval: always\n\
             }}\n",
            self.name,
            self.listen(0),
            self.at(0),
            self.port.saturating_add(MONITORING),
            tls.own("  "),
            store.display(),
        );
        if !site.leaves.is_empty() {
            text.push_str(&self.leaves(tls));
        }
        let others: Vec<_> = site.servers.iter().filter(|other| other.name != self.name).collect();
        if !others.is_empty() {
            text.push_str(&self.cluster(&others, tls, site.cell));
        }
        let more = format!("    jetstream: enabled\n{}", told_to_leaves(site.cell, site.leaves));
        text.push_str(&accounts(site.cell, site.users, &more));
        text
    }

    fn leaves(&self, tls: &Tls) -> String {
        format!(
            "leafnodes {{\n  \
               listen: \"{}\"\n  \
               advertise: \"{}\"\n  \
               tls {{\n{}  }}\n\
             }}\n{THROUGH}",
            self.listen(LEAVES),
            self.at(LEAVES),
            tls.own("    "),
        )
    }

    fn cluster(&self, others: &[&Self], tls: &Tls, cell: &Cell) -> String {
        let routes: Vec<_> =
            others.iter().map(|other| format!("    \"tls://{}\"\n", other.at(ROUTES))).collect();
        let routes = routes.concat();
        format!(
            "cluster {{\n  \
               name: \"phoenix-{}\"\n  \
               listen: \"{}\"\n  \
               cluster_advertise: \"{}\"\n  \
               tls {{\n{}    ca_file: \"{}\"\n    verify: true\n  }}\n  \
               routes: [\n{routes}  ]\n\
             }}\n",
            cell.name(),
            self.listen(ROUTES),
            self.at(ROUTES),
            tls.own("    "),
            tls.ca.display(),
        )
    }
}

impl Tls {
    fn own(&self, indent: &str) -> String {
        let (cert, key) = (self.cert.display(), self.key.display());
        format!("{indent}cert_file: \"{cert}\"\n{indent}key_file: \"{key}\"\n")
    }
}

/// What all servers are told.
#[derive(Clone, Copy, Debug)]
pub struct Site<'s> {
    /// The cell.
    pub cell: &'s Cell,
    /// All of them.
    pub servers: &'s [Server],
    /// Who is let in.
    pub users: &'s Users,
    /// The hosts that cannot be called.
    pub leaves: &'s [NodeName],
}

/// Returns the configuration of the server of a host that nobody can reach: it calls the others with the key
/// of that host's worker, and only those on the host call it. `seed` is the file with what [`leaf_seed`] returns.
pub fn leaf(
    role: &Role,
    public: &str,
    seed: &str,
    ca: &Path,
    port: u16,
    of: &[Server],
    cell: &Cell,
) -> String {
    let urls: Vec<_> =
        of.iter().map(|server| format!("\"tls://{}\" ", server.at(LEAVES))).collect();
    let urls = urls.concat();
    let users = Users::from([(role.clone(), public.to_owned())]);
    format!(
        "server_name: \"leaf-{}\"\n\
         listen: \"127.0.0.1:{port}\"\n\
         max_payload: 1MB\n\
         leafnodes {{\n  \
           remotes: [ {{\n    \
             urls: [ {urls}]\n    \
             account: {ACCOUNT}\n    \
             include \"{seed}\"\n    \
             tls {{ ca_file: \"{}\" }}\n  \
           }} ]\n\
         }}\n{THROUGH}{}",
        role.slug(),
        ca.display(),
        accounts(cell, &users, "")
    )
}

/// Returns the part of a leaf's configuration that only its server may read: it takes a seed in no other way.
pub fn leaf_seed(key: &Key) -> Result<String, BusError> {
    Ok(format!("nkey: \"{}\"\n", key.seed()?))
}

/// Returns what leaves are told that somebody here listens to. Streams listen to wider subjects than a host may
/// use, and of those a leaf is not told, so that it would keep to itself what is meant for them. Each of these
/// subjects is mapped to itself: that is told to every leaf, and changes nothing.
fn told_to_leaves(cell: &Cell, hosts: &[NodeName]) -> String {
    let kept = streams::subjects();
    let is_narrower =
        |subject: &String| kept.iter().any(|wide| wide != subject && covers(wide, subject));
    let told: BTreeSet<_> = hosts
        .iter()
        .flat_map(|host| Role::Worker(host.clone()).subjects(cell).publish)
        .filter(is_narrower)
        .collect();
    if told.is_empty() {
        return String::new();
    }
    let lines: Vec<_> = told
        .iter()
        .map(|subject| format!("      \"{subject}\": \"{}\"\n", mapped_to_itself(subject)))
        .collect();
    format!("    mappings: {{\n{}    }}\n", lines.concat())
}

/// Returns a subject as what it is mapped to: each `*` is there by its number.
fn mapped_to_itself(subject: &str) -> String {
    let mut wildcards = 0;
    let tokens = subject.split('.').map(|token| {
        if token == "*" {
            wildcards += 1;
            format!("{{{{wildcard({wildcards})}}}}")
        } else {
            token.to_owned()
        }
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// Returns who is let in, and may do what.
fn accounts(cell: &Cell, users: &Users, more: &str) -> String {
    let users: String = users.iter().map(|(role, public)| user(cell, role, public)).collect();
    format!(
        "accounts {{\n  \
           {ACCOUNT} {{\n{more}    users: [\n{users}    ]\n  }}\n  \
           SYS {{}}\n\
         }}\n\
         system_account: SYS\n"
    )
}

fn user(cell: &Cell, role: &Role, public: &str) -> String {
    let subjects = role.subjects(cell);
    let mut text = format!("      # {role}\n      {{ nkey: {public}, permissions: {{\n");
    for (what, subjects) in [("publish", subjects.publish), ("subscribe", subjects.subscribe)] {
        let lines: Vec<_> =
            subjects.iter().map(|subject| format!("          \"{subject}\"\n")).collect();
        let lines = lines.concat();
        // Writing to a text cannot fail.
        let _written = write!(text, "        {what}: {{ allow: [\n{lines}        ] }}\n");
    }
    if role.answers() {
        // One question may be about a hundred guests, and a test may take long.
        text.push_str("        allow_responses: { max: 1024, expires: \"1h\" }\n");
    }
    text.push_str("      } }\n");
    text
}
