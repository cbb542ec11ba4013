//! A forge: a real repository to push to, deliveries that are signed as GitHub does, and a server that
//! takes what is told about commits.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::super::hooks::{PUSH, deliver};
use super::super::{PATIENCE, Served};
use crate::verbs::site::Site;
use phoenix_testkit::forge::{SECRET, sign};

/// What lets one tell a forge about commits.
pub(super) const TOKEN: &str = "t0ken-of-the-forge";
/// The commits of the delivery that was recorded.
const BEFORE: &str = "4f1c2e9a0b7d4c3e8f6a5b1d2c3e4f5a6b7c8d9e";
const AFTER: &str = "72d3b6f0a1c24e5d9b8a7c6f5e4d3c2b1a0f9e8d";

/// A repository, and somebody who pushes to it.
pub(super) struct Forge {
    folder: TempDir,
}

/// What a forge was told about a commit.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) head: String,
    pub(super) body: Value,
}

/// A server that takes it.
pub(super) struct Statuses {
    pub(super) url: String,
    told: mpsc::UnboundedReceiver<Told>,
    serving: tokio::task::JoinHandle<()>,
}

impl Forge {
    /// Makes one with what the site has, below `prod`.
    pub(super) fn new(site: &Site) -> (Self, String) {
        let forge = Self { folder: TempDir::new().unwrap() };
        let bare = forge.bare();
        forge.git(Path::new("/"), &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        let work = forge.work();
        forge.git(Path::new("/"), &["clone", "-q", bare.to_str().unwrap(), work.to_str().unwrap()]);
        fs::create_dir(work.join("prod")).unwrap();
        let commit = forge.push_site(site);
        (forge, commit)
    }

    pub(super) fn bare(&self) -> PathBuf {
        self.folder.path().join("fleet.git")
    }

    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Pushes what the site has now, and returns the commit.
    pub(super) fn push_site(&self, site: &Site) -> String {
        for name in ["phoenix_hypervisor_config.json", "phoenix_lxc_configs.json"] {
            fs::copy(site.folder().join(name), self.work().join("prod").join(name)).unwrap();
        }
        self.push("the fleet")
    }

    /// Pushes another text of the containers.
    pub(super) fn push_lxc(&self, change: impl Fn(&str) -> String) -> String {
        let file = self.work().join("prod/phoenix_lxc_configs.json");
        let text = change(&fs::read_to_string(&file).unwrap());
        fs::write(file, text).unwrap();
        self.push("a change")
    }

    /// Pushes what lies in the work tree, and returns the commit.
    pub(super) fn push_all(&self) -> String {
        self.push("all of it")
    }

    fn push(&self, what: &str) -> String {
        self.git(&self.work(), &["add", "-A"]);
        self.git(&self.work(), &["commit", "-q", "--allow-empty", "-m", what]);
        self.git(&self.work(), &["push", "-q", "origin", "HEAD:main"]);
        self.git(&self.work(), &["rev-parse", "HEAD"])
    }

    /// Moves the branch to this commit, wherever that is.
    pub(super) fn force(&self, commit: &str) {
        self.git(&self.work(), &["reset", "-q", "--hard", commit]);
        self.git(&self.work(), &["push", "-q", "--force", "origin", "HEAD:main"]);
    }

    fn git(&self, at: &Path, args: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "somebody pushes with git")]
        let ended = Command::new("git")
            .args(["-c", "user.name=ann", "-c", "user.email=ann@acme.example"])
            .args(args)
            .current_dir(at)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(ended.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }

    /// Serves it, with more in the file about webhooks: keys of `fleet`, and rules.
    pub(super) async fn served(&self, site: &Site, fleet: &Value, rules: &Value) -> Served {
        self.served_with(site, fleet, rules, &[]).await
    }

    /// The same, with more arguments.
    pub(super) async fn served_with(
        &self,
        site: &Site,
        fleet: &Value,
        rules: &Value,
        arguments: &[&str],
    ) -> Served {
        let file = self.hooks(fleet, rules);
        let config = site.folder();
        let state = self.file("state");
        let more = [
            "--hooks",
            file.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
            "--state-dir",
            state.to_str().unwrap(),
        ];
        Served::with(site, "127.0.0.1:0", &[&more, arguments].concat()).await
    }

    fn hooks(&self, more: &Value, rules: &Value) -> PathBuf {
        let secret = self.secret("forge.secret", SECRET);
        let mut fleet = json!({
            "source": "forge", "repository": "github.com/acme/fleet", "branch": "main",
            "git": self.bare(), "folder": "prod",
        });
        fleet.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let file = json!({
            "sources": { "forge": { "provider": "github", "secret_files": [secret] } },
            "rules": rules,
            "fleet": fleet,
        });
        let path = self.file("hooks.json");
        fs::write(&path, file.to_string()).unwrap();
        path
    }

    /// Returns what has the forge told about commits.
    pub(super) fn status(&self, url: &str) -> Value {
        let token = self.secret("forge.token", TOKEN);
        json!({
            "kind": "github", "url": url, "token_file": token, "link": "https://phoenix.example.org",
        })
    }

    fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

/// Tells that the branch was moved, and returns what is answered.
pub(super) async fn tell(served: &Served, id: &str, commit: &str) -> (u16, String) {
    let body = PUSH.replace(AFTER, commit).replace(BEFORE, &"1".repeat(40));
    deliver(served, "forge", id, &sign(&body), &body).await
}

impl Statuses {
    pub(super) async fn start(at: &str) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard, told) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(told) = take(stream).await {
                    heard.send(told).ok();
                }
            }
        });
        Self { url, told, serving }
    }

    /// Returns what is told next.
    pub(super) async fn next(&mut self) -> Told {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.expect("it is told").unwrap()
    }

    /// Waits until a commit is told to be in this state, and returns that.
    pub(super) async fn until(&mut self, commit: &str, state: &str) -> Told {
        loop {
            let told = self.next().await;
            if told.head.contains(commit)
                && told.body.get("state").is_some_and(|told| told == state)
            {
                return told;
            }
        }
    }
}

impl Drop for Statuses {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads one request, and answers as GitHub does.
async fn take(mut stream: TcpStream) -> Option<Told> {
    let mut text = Vec::new();
    loop {
        stream.read_buf(&mut text).await.ok().filter(|read| *read > 0)?;
        let said = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str(body) {
            let answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).await.ok()?;
            return Some(Told { head: head.to_owned(), body });
        }
    }
}
