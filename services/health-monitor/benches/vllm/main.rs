//! What the probe makes of a real vLLM: started, asked, kept busy, stopped, woken and killed.
//!
//! It takes gigabytes to install and minutes to start, so nobody runs it but a person:
//! `cargo bench -p phoenix-health-monitor --bench vllm -- PYTHON`, where PYTHON has `vllm` in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for people, which stops where it cannot go on"
)]

use std::fs;
use std::net::{IpAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use phoenix_domain::health::{Ask, Found, Probe, Reading, Reason, Silence};
use phoenix_health_monitor::probes::{Asker, Clock, Memory, Pace};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use Found::{Failing, Serving, Silent, Worse};

/// How long a vLLM may take to start, and to end.
const PATIENCE: Duration = Duration::from_mins(10);
const POLL: Duration = Duration::from_millis(500);
/// More than it works on at once, so that some wait.
const REQUESTS: usize = 40;

/// A vLLM, with all processes that it starts.
struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
}

/// What asks it.
struct Asking {
    asker: Asker,
    probe: Probe,
    memory: Memory,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let python = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let Some(python) = python else {
        println!("usage: cargo bench -p phoenix-health-monitor --bench vllm -- PYTHON");
        return ExitCode::from(64);
    };
    let folder = std::env::temp_dir().join(format!("phoenix-vllm-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let is_well = story(Path::new(&python), &folder).await;
    fs::remove_dir_all(&folder).unwrap();
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn story(python: &Path, folder: &Path) -> bool {
    let mut server = Server::start(python, folder);
    let at = server.port;
    let mut tiny = Asking::for_model("tiny", at, Duration::from_secs(20));
    let mut all = Vec::new();
    let mut saw = |what: &str, reading: &Reading, is_right: bool| {
        let mark = if is_right { "right" } else { "WRONG" };
        println!("{mark}  {what:44} {:?}; {}", reading.found, reading.evidence.came);
        all.push(is_right);
    };

    let reading = tiny.read().await;
    saw("while it starts nobody listens", &reading, reading.found == Silent(Silence::Refused));
    let reading = server.started(&mut tiny).await;
    saw("once it has started it serves", &reading, true);
    let reading = Asking::for_model("qwen", at, Duration::from_secs(20)).read().await;
    saw("another model is missed", &reading, reading.found == Worse(Reason::WrongModel));

    let work: Vec<_> = (0..REQUESTS).map(|_| tokio::spawn(complete(at))).collect();
    let reading = tiny.until(|reading| reading.found == Worse(Reason::Saturated)).await;
    let first = reading.progress.unwrap();
    saw("with more work than it can do it is saturated", &reading, true);
    let reading =
        tiny.until(|reading| reading.progress.is_some_and(|now| now.done > first.done)).await;
    saw("and gets on with it", &reading, !matches!(reading.found, Failing(_)));

    server.signal_engine(Signal::STOP);
    let stopped = tiny.read().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let reading = tiny.read().await;
    let stands = reading.progress.map(|now| now.done) == stopped.progress.map(|was| was.done);
    let is_listening = get(at, "/health").await.starts_with("HTTP/1.1 200");
    saw("stopped with work it says 200 and stands still", &reading, stands && is_listening);
    server.signal_engine(Signal::CONT);
    for request in work {
        request.await.ok();
    }
    let reading = tiny.until(|reading| reading.found == Serving).await;
    saw("woken it goes on", &reading, true);

    server.signal_engine(Signal::STOP);
    let reading = Asking::for_model("tiny", at, Duration::from_secs(5)).read().await;
    saw("stopped when idle it gives no token", &reading, reading.found == Failing(Reason::Hung));
    server.signal_engine(Signal::CONT);
    tiny.until(|reading| reading.found == Serving).await;

    server.signal_engine(Signal::KILL);
    let dead = [Failing(Reason::EngineDead), Silent(Silence::Refused)];
    let reading = tiny.until(|reading| dead.contains(&reading.found)).await;
    saw("killed it is dead", &reading, true);
    all.iter().all(|is_right| *is_right)
}

impl Server {
    fn start(python: &Path, folder: &Path) -> Self {
        let model = folder.join("model");
        let script = folder.join("model.py");
        fs::write(&script, include_str!("model.py")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the server that is asked is a process")]
        let made = Command::new(python).arg(&script).arg(&model).status().unwrap();
        assert!(made.success(), "the model is not made: is `vllm` in this Python?");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.join("vllm.log");
        let log = fs::File::create(&path).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the server that is asked is a process")]
        let child = Command::new(python)
            .args(["-m", "vllm.entrypoints.cli.main", "serve"])
            .arg(&model)
            .args(["--served-model-name", "tiny", "--host", "127.0.0.1", "--max-model-len", "512"])
            .args(["--max-num-seqs", "4", "--dtype", "bfloat16", "--enforce-eager"])
            .args(["--load-format", "dummy"])
            .args(["--port", &port.to_string()])
            .env("HF_HUB_OFFLINE", "1")
            .env("VLLM_CPU_KVCACHE_SPACE", "1")
            .env("VLLM_NO_USAGE_STATS", "1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, port, log: path }
    }

    /// Waits until it serves, or stops here with its last words.
    async fn started(&mut self, asking: &mut Asking) -> Reading {
        loop {
            let reading = asking.read().await;
            if reading.found == Serving {
                return reading;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let begin = log.len().saturating_sub(2000);
                panic!("it ended with {status}: {}", log.get(begin..).unwrap_or_default());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends a signal to whatever it has started: its engine and the workers of that.
    fn signal_engine(&mut self, signal: Signal) {
        let mut found = below(self.child.id());
        assert!(!found.is_empty(), "it has no engine of its own");
        found.reverse();
        for pid in found {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            // One of them may take the others with it.
            kill_process(pid, signal).ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for pid in below(self.child.id()) {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            kill_process(pid, Signal::KILL).ok();
        }
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
        self.child.wait().ok();
    }
}

impl Asking {
    fn for_model(model: &str, port: u16, token: Duration) -> Self {
        let pace = Pace { answer: Duration::from_secs(20), token, ..Pace::default() };
        let ask = Ask::Vllm { port, model: Some(model.into()) };
        Self {
            asker: Asker::new(Clock::starting(Utc::now()), pace),
            probe: Probe::new(ask.kind(), ask),
            memory: Memory::default(),
        }
    }

    async fn read(&mut self) -> Reading {
        let at = IpAddr::from([127, 0, 0, 1]);
        self.asker.ask(at, &self.probe, None, &mut self.memory).await
    }

    async fn until(&mut self, is_so: impl Fn(&Reading) -> bool) -> Reading {
        let begun = Instant::now();
        loop {
            let reading = self.read().await;
            if is_so(&reading) {
                return reading;
            }
            assert!(begun.elapsed() < PATIENCE, "it never is so: {reading:?}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Returns the processes below one, parents first. Any of its threads may have started them.
fn below(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let listed =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<u32> = listed
        .flat_map(|listed| {
            listed.split_whitespace().map(|child| child.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    children.iter().flat_map(|child| std::iter::once(*child).chain(below(*child))).collect()
}

async fn complete(port: u16) {
    let body = r#"{"model": "tiny", "prompt": "a guest", "max_tokens": 400, "ignore_eos": true}"#;
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    send(port, &format!("{head}{body}")).await;
}

async fn get(port: u16, path: &str) -> String {
    send(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}
