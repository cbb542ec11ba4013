//! `phoenix nats init`: keys, certificates, and the configuration of each server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phoenix_bus::{Cell, Key, Role, Server, Site, Tls, Users, leaf, leaf_seed};

use super::certificates::{self, Proof};
use super::error::NatsError;
use super::files::{Files, OURS, Readers, read};
use super::layout::Layout;
use crate::cli::NatsInitArgs;
use crate::error::CommandError;
use crate::output::Output;

/// What a server calls its configuration.
const CONFIG: &str = "nats-server.conf";
/// What a leaf calls the part of it that is secret.
const SEED: &str = "seed.conf";

pub(super) fn run(args: &NatsInitArgs, output: &mut Output) -> Result<u8, CommandError> {
    let dir = std::path::absolute(&args.dir)
        .map_err(|err| NatsError::NotRead { path: args.dir.clone(), err })?;
    let before = Layout::read(&dir)?;
    let layout = Layout::with(before.as_ref(), args)?;
    let mut plan = Plan {
        dir: &dir,
        cell: Cell::new(args.cell.clone()),
        before: before.as_ref(),
        layout: &layout,
        files: Files::default(),
    };
    let keys = plan.keys()?;
    let users = keys.iter().map(|(role, key)| (role.clone(), key.public())).collect();
    let ca = plan.servers(&users)?;
    plan.leaves(&keys, &ca)?;
    let mut text = serde_json::to_string_pretty(&layout)?;
    text.push('\n');
    plan.files.want(Layout::path(&dir), text, Readers::All)?;
    let done = plan.files.write()?;
    output.data(&done.concat())?;
    if done.is_empty() {
        output.remark("nothing to do: all of it is as asked for")?;
    }
    if let Some(warning) = layout.left_behind(before.as_ref()) {
        output.remark(&warning)?;
    }
    output.remark(&next(&dir, &layout, &ca))?;
    Ok(0)
}

/// What there is to write.
struct Plan<'p> {
    dir: &'p Path,
    cell: Cell,
    before: Option<&'p Layout>,
    layout: &'p Layout,
    files: Files,
}

impl Plan<'_> {
    /// Has a key for each role; those that are there stay.
    fn keys(&mut self) -> Result<BTreeMap<Role, Key>, CommandError> {
        let mut keys = BTreeMap::new();
        for role in self.layout.roles() {
            let path = key_path(self.dir, &role);
            let key = if path.exists() {
                Key::read(&path)?
            } else {
                let key = Key::make(role.clone());
                self.files.want(path, key.text()?, Readers::Owner)?;
                key
            };
            keys.insert(role, key);
        }
        Ok(keys)
    }

    /// Has a folder for each server; returns the file with who vouches for them.
    fn servers(&mut self, users: &Users) -> Result<PathBuf, CommandError> {
        let (ca, authority) = if let Some(tls) = &self.layout.tls {
            (tls.ca.clone(), None)
        } else {
            let (path, authority) = self.authority()?;
            (path, Some(authority))
        };
        let (cell, servers) = (self.cell.clone(), &self.layout.servers);
        let leaves: Vec<_> = self.layout.leaves.keys().cloned().collect();
        let site = Site { cell: &cell, servers, users, leaves: &leaves };
        for server in servers {
            let folder = self.dir.join(&server.name);
            let tls = match (&self.layout.tls, &authority) {
                (Some(tls), _) => tls.clone(),
                (None, authority) => self.certificate(&folder, server, authority.as_ref())?,
            };
            let store = self.layout.store_of(server);
            let config = server.config(&site, &tls, &store);
            self.files.want(folder.join(CONFIG), format!("{OURS}{config}"), Readers::All)?;
        }
        Ok(ca)
    }

    /// Returns who vouches for the servers, and in which file that stands.
    fn authority(&mut self) -> Result<(PathBuf, Proof), CommandError> {
        let (path, key_path) = (self.dir.join("ca.pem"), self.dir.join("ca.key"));
        if let (Some(cert), Some(key)) = (read(&path)?, read(&key_path)?) {
            return Ok((path, Proof { cert, key }));
        }
        let made = certificates::authority().map_err(CommandError::from)?;
        self.files.want(key_path, made.key.clone(), Readers::Owner)?;
        self.files.want(path.clone(), made.cert.clone(), Readers::All)?;
        Ok((path, made))
    }

    /// Has a certificate for a server; the one that is there stays while the address does.
    fn certificate(
        &mut self,
        folder: &Path,
        server: &Server,
        authority: Option<&Proof>,
    ) -> Result<Tls, CommandError> {
        let at = |name: &str| folder.join(name);
        let tls = Tls { cert: at("server.pem"), key: at("server.key"), ca: at("ca.pem") };
        let Some(authority) = authority else { return Ok(tls) };
        let known = self.before.into_iter().flat_map(|before| &before.servers);
        let is_known = known.clone().any(|one| one.name == server.name && one.host == server.host);
        let is_vouched = read(&tls.ca)?.as_ref() == Some(&authority.cert);
        if !(is_known && is_vouched && tls.cert.exists() && tls.key.exists()) {
            let made = certificates::server(&authority.key, &server.host)?;
            self.files.want(tls.key.clone(), made.key, Readers::Owner)?;
            self.files.want(tls.cert.clone(), made.cert, Readers::All)?;
        }
        self.files.want(tls.ca.clone(), authority.cert.clone(), Readers::All)?;
        Ok(tls)
    }

    /// Has a folder for each host that cannot be called.
    fn leaves(&mut self, keys: &BTreeMap<Role, Key>, ca: &Path) -> Result<(), CommandError> {
        for (host, wanted) in &self.layout.leaves {
            let role = Role::Worker(host.clone());
            let Some(key) = keys.get(&role) else { continue };
            let public = &key.public();
            let folder = self.dir.join(format!("leaf-{host}"));
            let own_ca = folder.join("ca.pem");
            let calls =
                if wanted.remotes.is_empty() { &self.layout.servers } else { &wanted.remotes };
            let config = leaf(&role, public, SEED, &own_ca, wanted.port, calls, &self.cell);
            self.files.want(folder.join(CONFIG), format!("{OURS}{config}"), Readers::All)?;
            self.files.copy(ca, own_ca, Readers::All)?;
            self.files.want(folder.join(SEED), leaf_seed(key)?, Readers::Owner)?;
            self.files.want(key_path(&folder, &role), key.text()?, Readers::Owner)?;
        }
        Ok(())
    }
}

/// Returns where the key of a role is.
fn key_path(dir: &Path, role: &Role) -> PathBuf {
    dir.join("keys").join(format!("{}.nk", role.slug()))
}

/// Returns what there is to do next.
fn next(dir: &Path, layout: &Layout, ca: &Path) -> String {
    let (shown, ca) = (dir.display(), ca.display());
    let mut text = String::from("next:\n");
    let mut say = |line: String| {
        // Writing to a text cannot fail.
        let _written = writeln!(text, "  {line}");
    };
    for server in &layout.servers {
        let (host, folder) = (&server.host, dir.join(&server.name));
        let folder = folder.display();
        say(format!(
            "on {host}: have {folder} there, readable by who runs nats-server, then `nats-server --config {folder}/{CONFIG}`"
        ));
    }
    for (host, leaf) in &layout.leaves {
        let (folder, port) = (format!("{shown}/leaf-{host}"), leaf.port);
        say(format!(
            "on {host}: have {folder} there, then `nats-server --config {folder}/{CONFIG}`; its worker takes `--nats-url nats://127.0.0.1:{port} --nats-nkey-file {folder}/keys/worker-{host}.nk`"
        ));
    }
    let urls = layout.servers.iter().map(Server::url).collect::<Vec<_>>().join(",");
    let monitor = layout.servers.first().map(Server::monitor).unwrap_or_default();
    let by = format!("--nats-url {urls} --nats-ca-file {ca} --nats-nkey-file {shown}/keys");
    say(format!("once, on a server: `phoenix nats setup {by}/admin.nk --nats-monitor {monitor}`"));
    say(format!("then each program with the key of its role: `phoenix status {by}/watcher.nk`"));
    say("workers take `--durability always` as well: these servers write to disk before they acknowledge".to_owned());
    say("a server that runs is told of a new host by `nats-server --signal reload`, and of its first leaf by a restart".to_owned());
    text.trim_end().to_owned()
}
