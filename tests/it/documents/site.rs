//! Where documents are tried: what `phoenix up` brings up, on a simulated host, in a folder of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use phoenix_testkit::nats;
use tempfile::TempDir;

use crate::bus;
use crate::program::{phoenix_program, phoenix_started, repository};

/// How long a command may take. It is not measured: what takes longer stands still.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder with the quickstart, and all that `phoenix up` runs.
pub(super) struct Site {
    folder: TempDir,
    up: Child,
    url: String,
}

impl Site {
    pub(super) fn start() -> Self {
        let folder = TempDir::with_prefix("phoenix-documents-").unwrap();
        for file in fs::read_dir(repository("examples/quickstart")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        fs::create_dir(folder.path().join("bin")).unwrap();
        for program in ["phoenix", "phoenix-submit", "phoenix-worker", "phoenix-health-monitor"] {
            symlink(
                phoenix_program().with_file_name(program),
                folder.path().join("bin").join(program),
            )
            .unwrap();
        }
        let old = "phoenix_orchestrator.sh";
        symlink(repository("deploy").join(old), folder.path().join("bin").join(old)).unwrap();
        symlink(repository("examples"), folder.path().join("examples")).unwrap();
        let server = nats::program();
        let server = server.to_str().unwrap();
        let up = [
            "up",
            "--node",
            "pve1",
            "--port",
            "0",
            "--sim-pace",
            "instant",
            "--nats-server",
            server,
        ];
        let mut up = phoenix_started(folder.path(), &up, &[]);
        let url = folder.path().join("phoenix-data/nats.url");
        // It says when all of it is there.
        let mut said = BufReader::new(up.stderr.take().unwrap()).lines();
        let mut told = Vec::new();
        while !url.exists() {
            told.push(said.next().unwrap_or_else(|| panic!("it ended: {told:?}")).unwrap());
        }
        thread::spawn(move || said.for_each(drop));
        let mut out = up.stdout.take().unwrap();
        thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let url = fs::read_to_string(url).unwrap().trim().to_owned();
        Self { folder, up, url }
    }

    /// Types a command, and waits for its end.
    pub(super) fn type_to_its_end(&mut self, command: &str, code: i32) -> Result<(), String> {
        let mut child = self.shell(command);
        let (send, read) = mpsc::channel();
        for pipe in pipes(&mut child) {
            let send = send.clone();
            thread::spawn(move || {
                let mut text = String::new();
                let _read = BufReader::new(pipe).read_to_string(&mut text);
                // Whoever waits may have given up.
                let _gone = send.send(text);
            });
        }
        let mut said = String::new();
        for _pipe in 0..2 {
            let Ok(text) = read.recv_timeout(PATIENCE) else {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err("it does not end".to_owned());
            };
            said.push_str(&text);
        }
        match child.wait().unwrap().code() {
            Some(ended) if ended == code => Ok(()),
            ended => Err(format!("it ended with {ended:?}, and not with {code}: {said}")),
        }
    }

    /// Types a command that goes on, waits until it says something, and interrupts it.
    pub(super) fn type_and_interrupt(&mut self, command: &str) -> Result<(), String> {
        let mut child = self.shell(&format!("exec {command}"));
        let (said, first) = mpsc::channel();
        for pipe in pipes(&mut child) {
            let said = said.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines() {
                    // Only the first one is waited for.
                    let _gone = said.send(line.unwrap_or_default());
                }
            });
        }
        drop(said);
        let first = first.recv_timeout(PATIENCE);
        bus::Site::interrupt(&child);
        let code = child.wait().unwrap().code();
        match (&first, code) {
            (Ok(line), Some(0 | 130)) if !line.starts_with("error") => Ok(()),
            _ => Err(format!("it said {first:?} and ended with {code:?}")),
        }
    }

    fn shell(&self, command: &str) -> Child {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        #[expect(clippy::disallowed_methods, reason = "a reader types into a shell")]
        Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("NATS_URL", &self.url)
            .env("USER", "reader")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        bus::Site::interrupt(&self.up);
        drop(self.up.wait());
    }
}

/// Returns both ends of what a program says.
fn pipes(child: &mut Child) -> [Box<dyn Read + Send>; 2] {
    [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())]
}
