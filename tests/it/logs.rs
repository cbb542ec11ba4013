//! What long-running programs log for programs: JSON, and entries of journald.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_testkit::actor::Actor;
use phoenix_testkit::host::{Fault, FaultKind};
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{phoenix_monitor, phoenix_program, phoenix_worker};
use crate::verbs::site::Site;

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(1);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_guest_says_which_run_step_and_trace_it_is_of() {
    let site = Site::new().await;
    let quiet = ["--drift-every", "0", "--log-format", "json"];
    let worker = site.inner.worker_with("a", "run", &quiet);

    site.ok(&["submit", "950", "--traceparent", GIVEN]).await;

    let run = site.state("950").await["run"].clone();
    site.end(worker).await;
    let lines = objects(&fs::read_to_string(site.inner.folder("a.log")).unwrap());
    let below = lines.iter().filter(|line| line["vmid"] == 950 && line.get("run_id").is_some());
    let below: Vec<_> = below.collect();
    let said = |words| below.iter().filter(move |line| line["fields"]["message"] == words);
    assert!(said("change begun").count() > 1, "{below:#?}");
    assert_eq!(said("complete").count(), 1, "{below:#?}");
    assert!(below.iter().all(|line| line["run_id"] == run), "{below:#?}");
    assert!(below.iter().all(|line| line["trace_id"] == TRACE), "{below:#?}");
    for line in said("change begun") {
        assert_eq!(line["step"], line["fields"]["step"], "{line}");
        assert!(["level", "target", "timestamp"].iter().all(|key| line[key].is_string()), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_what_it_is_about_however_little_is_logged() {
    let site = Site::new().await;
    let (log, warnings) =
        (site.inner.folder("a.log"), ["--log", "phoenix_worker=warn", "--log-format", "json"]);
    let args = site.inner.worker_arguments("run", &warnings);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let worker = Start::new(&phoenix_worker(), &log).with(&args).go();
    site.inner.host.fault(Fault::new(FaultKind::Fail).kind("create"));

    site.ok(&["submit", "900"]).await;

    site.end(worker).await;
    let lines = objects(&fs::read_to_string(log).unwrap());
    assert!(lines.iter().any(|line| line["level"] == "WARN" && line["vmid"] == 900), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn journald_is_told_by_fields_that_can_be_asked_for() {
    let site = Site::new().await;
    let journal = Journal::new();
    let args = site.inner.worker_arguments("run", &["--drift-every", "0"]);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let worker = journal.start(&phoenix_worker(), &site.inner.folder("a.log"), &args);
    let heard = tokio::task::spawn_blocking(move || {
        journal.until(|entry| entry["MESSAGE"] == "complete" && entry["PHOENIX_VMID"] == "950")
    });

    site.ok(&["submit", "950", "--traceparent", GIVEN]).await;

    let entries = heard.await.unwrap();
    site.end(worker).await;
    let run = site.state("950").await["run"].as_str().unwrap().to_owned();
    let last = entries.last().unwrap();
    assert_eq!((&last["PHOENIX_RUN_ID"], &last["PHOENIX_TRACE_ID"]), (&run, &TRACE.to_owned()));
    assert_eq!((&last["PRIORITY"][..], &last["SYSLOG_IDENTIFIER"][..]), ("5", "phoenix-worker"));
    let begun = |entry: &&Entry| entry["MESSAGE"] == "change begun";
    let steps = entries.iter().filter(begun).map(|entry| &entry["PHOENIX_STEP"]);
    assert!(steps.count() > 1, "{entries:#?}");
    let log = fs::read_to_string(site.inner.folder("a.log")).unwrap();
    assert_eq!(log, "", "what journald is told is told nobody else");
}

#[test]
fn a_machine_without_journald_is_refused_with_what_to_do() {
    let (folder, server) = (TempDir::new().unwrap(), NatsServer::start());
    let (log, at) = (folder.path().join("log"), server.url());
    let worker = ["--host", "simulated", "--node", "pve1", "--nats-url", &at];
    for (program, args) in [
        (phoenix_worker(), &worker[..]),
        (phoenix_monitor(), &["--nats-url", &at]),
        (phoenix_program(), &["serve", "--listen", "127.0.0.1:0", "--nats-url", &at]),
    ] {
        let args = [args, &["--log-format", "journald"]].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();

        let mut refused = elsewhere("", &program, &log, &args);
        let status = runtime.block_on(refused.ended());

        let said = fs::read_to_string(&log).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("error: journald cannot be told"), "{said}");
        assert!(said.contains("\nhint: `--log-format json`"), "{said}");
        fs::remove_file(&log).unwrap();
    }
}

#[test]
fn the_monitor_and_the_server_log_objects_from_their_first_line_to_the_error_that_ends_them() {
    let (folder, server) = (TempDir::new().unwrap(), NatsServer::start());
    let (_actor, at) = (Actor::new(&server), server.url());
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let nowhere = ["--nats-url", "nats://127.0.0.1:1", "--log-format", "json"];
    for (name, program, args, first) in [
        ("monitor", phoenix_monitor(), &[][..], "the health monitor is there"),
        ("serve", phoenix_program(), &serve[..], "the page is at"),
    ] {
        let log = folder.path().join(name);
        let start = Start::new(&program, &log).told("PHOENIX_LOG_FORMAT", "json").with(args);
        let running = start.clone().with(&["--nats-url", &at]).go();
        let began = Instant::now();
        while !running.log().contains(first) {
            assert!(began.elapsed() < PATIENCE, "{name} never said {first:?}");
            std::thread::yield_now();
        }
        drop(running);
        assert!(!objects(&fs::read_to_string(&log).unwrap()).is_empty());
        fs::remove_file(&log).unwrap();

        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let refused = Start::new(&program, &log).with(args).with(&nowhere);
        let status = runtime.block_on(refused.go().ended());

        let lines = objects(&fs::read_to_string(&log).unwrap());
        assert!(!status.success());
        let told = |line: &Value| line["fields"]["message"].as_str().unwrap().to_owned();
        let is_why = |line: &Value| line["level"] == "ERROR" && told(line).contains("cannot reach");
        assert!(lines.iter().any(is_why), "{lines:#?}");
    }
}

/// Reads a log that has an object on each line, and nothing else.
pub(crate) fn objects(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// What journald was told at once.
pub(crate) type Entry = BTreeMap<String, String>;

/// A journald that only listens.
pub(crate) struct Journal {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Journal {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("socket")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    /// Starts a program where this is the journald of the machine.
    pub(crate) fn start(&self, program: &Path, log: &Path, args: &[&str]) -> Worker {
        let args = [args, &["--log-format", "journald"]].concat();
        elsewhere(self.folder.path().to_str().unwrap(), program, log, &args)
    }

    /// Returns what it is told up to this.
    pub(crate) fn until(&self, is_it: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let (mut entries, mut buffer) = (Vec::new(), vec![0; 1 << 18]);
        loop {
            let length = self.socket.recv(&mut buffer).unwrap();
            // The first is empty: whether anybody listens.
            let Some(entry) = buffer.get(..length).filter(|told| !told.is_empty()).map(read) else {
                continue;
            };
            entries.push(entry);
            if is_it(entries.last().unwrap()) {
                return entries;
            }
        }
    }
}

/// Reads an entry as systemd's native protocol has it. What is said twice of a field counts as said last.
fn read(mut told: &[u8]) -> Entry {
    let mut entry: Entry =
        ["MESSAGE", "PHOENIX_VMID"].map(|key| (key.into(), String::new())).into();
    while let Some(end) = told.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = told.split_at(end);
        let (line, rest) =
            (String::from_utf8(line.to_vec()).unwrap(), rest.split_first().unwrap().1);
        if let Some((key, value)) = line.split_once('=') {
            entry.insert(key.to_owned(), value.to_owned());
            told = rest;
            continue;
        }
        let (length, rest) = rest.split_first_chunk().unwrap();
        let (value, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
        entry.insert(line, String::from_utf8(value.to_vec()).unwrap());
        told = rest.split_first().unwrap().1;
    }
    entry
}

/// Starts a program where `/run` is empty but for this folder in journald's place.
fn elsewhere(journal: &str, program: &Path, log: &Path, args: &[&str]) -> Worker {
    let script = r#"set -e; journal=$1; shift
mount -t tmpfs none /run
if [ -n "$journal" ]; then mkdir -p /run/systemd/journal; mount --bind "$journal" /run/systemd/journal; fi
exec "$@""#;
    let own = ["--mount", "sh", "-c", script, "sh", journal, program.to_str().unwrap()];
    let start = Start::new(Path::new("unshare"), log).with(&own).with(args);
    start.told("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").go()
}
