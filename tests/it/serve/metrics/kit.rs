//! A real Prometheus, and what judges rules: Debian's own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::repository;

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often Prometheus is asked again.
const POLL: Duration = Duration::from_millis(100);

/// A Prometheus that collects from one server each second; gone with the test.
pub(super) struct Prometheus {
    server: Worker,
    at: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that follows our rules.
    pub(super) async fn of(target: &str) -> Self {
        let folder = TempDir::with_prefix("phoenix-prometheus-").unwrap();
        let rules = repository("deploy/prometheus/phoenix.rules.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             rule_files: [{}]\n\
             scrape_configs:\n  - job_name: phoenix\n    static_configs: [{{ targets: [{target:?}] }}]\n",
            fs::canonicalize(rules).unwrap().display()
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let data = folder.path().join("data");
        let server = Start::new(&program("prometheus"), &folder.path().join("prometheus.log"))
            .with(&["--config.file", file.to_str().unwrap()])
            .with(&["--storage.tsdb.path", data.to_str().unwrap()])
            .with(&["--web.listen-address", "127.0.0.1:0"])
            .go();
        let listens = async {
            loop {
                let said = server.log();
                let line = said.lines().find(|line| line.contains("msg=\"Listening on\""));
                if let Some((_, at)) = line.and_then(|line| line.split_once(" address=")) {
                    break at.split(' ').next().unwrap().to_owned();
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let at = tokio::time::timeout(PATIENCE, listens).await.expect("it listens some time");
        Self { server, at, _folder: folder }
    }

    /// Asks for something, and returns the data of the answer.
    pub(super) async fn ask(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.at);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        read.expect("the answer has an end").unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Asks until the answer is like this.
    pub(super) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let answer = self.ask(path).await;
                if is_so(&answer) {
                    break answer;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        if let Ok(answer) = tokio::time::timeout(PATIENCE, asked).await {
            return answer;
        }
        panic!("it is never so: {}\n{}", self.ask(path).await, self.server.log());
    }
}

/// Runs promtool to its end.
pub(super) fn promtool(arguments: &[&str], folder: &Path, input: &str) -> Output {
    #[expect(clippy::disallowed_methods, reason = "who judges rules is a process")]
    let mut child = Command::new(program("promtool"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read what it is told has ended already, and says why.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn program(name: &str) -> PathBuf {
    let installed = Path::new("/usr/bin").join(name);
    if installed.exists() {
        return installed;
    }
    #[expect(clippy::disallowed_methods, reason = "where the Prometheus of tests is")]
    let told = std::env::var_os("PHOENIX_PROMETHEUS").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/prometheus");
    let root = told.unwrap_or(usual);
    let program = root.join("usr/bin").join(name);
    assert!(
        program.exists(),
        "there is no Prometheus in {}: `cargo xtask prometheus` unpacks one",
        root.display()
    );
    program
}
