//! What `docs/events.md` tells people to type, taken out of it and run.

#![expect(clippy::disallowed_methods, reason = "what people type is run as processes")]

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs};

use phoenix_testkit::nats::NatsServer;

use crate::repository;

/// Returns the page.
pub(crate) fn page() -> String {
    fs::read_to_string(repository("docs/events.md")).unwrap()
}

/// Returns what the page has in this language, in order.
pub(crate) fn snippets(language: &str) -> Vec<String> {
    let page = page();
    let begin = format!("\n```{language}\n");
    let blocks = page.split(&begin).skip(1).map(|block| block.split("\n```").next().unwrap());
    blocks.map(ToOwned::to_owned).collect()
}

/// Returns the only one there is.
pub(crate) fn snippet(language: &str) -> String {
    let [only] = &snippets(language)[..] else { panic!("not one snippet in {language}") };
    only.clone()
}

/// A program of the page that runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("cannot start {command:?}: {err}"));
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, out }
    }

    /// Starts what is written in bash, and returns when it hears what is told under a subject.
    pub(crate) fn bash(server: &NatsServer, subject: &str) -> Self {
        let url = server.url();
        let (host, port) = url.strip_prefix("nats://").unwrap().split_once(':').unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", &snippet("bash"), "bash", subject, host, port]);
        let mut running = Self::start(command.stderr(Stdio::piped()));
        let said = BufReader::new(running.child.stderr.take().unwrap()).lines().next();
        assert_eq!(said.unwrap().unwrap(), "listening");
        running
    }

    /// Starts what is written in Python.
    pub(crate) fn python(server: &NatsServer) -> Self {
        let mut command = Command::new(python());
        Self::start(command.args(["-c", &snippet("python")]).env("NATS_URL", server.url()))
    }

    /// Returns the next line it prints.
    pub(crate) fn line(&mut self) -> String {
        self.out.next().unwrap_or_else(|| panic!("it ended")).unwrap()
    }

    /// Returns the next lines.
    pub(crate) fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command of the page in which `nats` prints these messages. Returns the words `nats` was called
/// with, and the lines that came.
pub(crate) fn with_nats(command: &str, messages: &[String]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (called, told) = (folder.path().join("called"), folder.path().join("told"));
    fs::write(&told, messages.join("\n") + "\n").unwrap();
    let played = r#"nats() { printf '%s\n' "$@" >"$CALLED"; cat "$TOLD"; }; set -o pipefail"#;
    let ended = Command::new("bash")
        .args(["-c", &format!("{played}\n{command}")])
        .env("CALLED", &called)
        .env("TOLD", &told)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(
        ended.status.success(),
        "{command}\n{err}\nIt takes jq: `cargo xtask test` installs it; by hand: apt-get install jq"
    );
    let lines = |text: String| text.lines().map(ToOwned::to_owned).collect();
    (lines(fs::read_to_string(called).unwrap()), lines(out.unwrap()))
}

fn python() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let said = env::var_os("PHOENIX_NATS_PYTHON");
    let python = said.map_or_else(|| tools.join("venv/bin/python3"), PathBuf::from);
    let can = Command::new(&python).args(["-c", "import nats"]).output();
    assert!(
        can.is_ok_and(|ended| ended.status.success()),
        "{} has no nats-py: `cargo xtask test` installs it; by hand: python3 -m venv target/tools/venv && \
         target/tools/venv/bin/pip install -r xtask/src/tools/nats-py.txt; elsewhere, name a Python that has it in \
         PHOENIX_NATS_PYTHON",
        python.display()
    );
    python
}
