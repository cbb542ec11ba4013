//! What a collector is sent by `phoenix serve`: real NATS, real HTTP, and a played worker.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use clap::{CommandFactory as _, Parser};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use phoenix_submitter::{ColorChoice, Command};
use phoenix_testkit::actor::Actor;
use phoenix_testkit::nats::NatsServer;
use prost::Message as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Typed {
    #[command(subcommand)]
    command: Command,
}

/// A server, a played worker, a collector, and `phoenix serve`, which tells the one of the other.
struct Site {
    server: NatsServer,
    actor: Actor,
    folder: TempDir,
    collector: Collector,
}

/// A collector that answers what it is told to.
struct Collector {
    at: String,
    taken: Receiver<ExportTraceServiceRequest>,
    answer: Arc<AtomicU16>,
    /// What had no key, where one is wanted.
    refused: Arc<AtomicU16>,
    _runtime: Runtime,
}

impl Collector {
    /// Starts one that takes nothing without this key, where there is one.
    fn new(key: Option<&'static str>) -> Self {
        let (taken, answer) = (channel(), Arc::new(AtomicU16::new(200)));
        let refused = Arc::new(AtomicU16::new(0));
        let refusals = Arc::clone(&refused);
        let (sender, answers) = (taken.0, Arc::clone(&answer));
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers.get("content-type").unwrap(), "application/x-protobuf");
            let given = headers.get("authorization").and_then(|given| given.to_str().ok());
            if key.is_some() && given != key {
                refusals.fetch_add(1, Ordering::SeqCst);
                return StatusCode::UNAUTHORIZED;
            }
            // Before anybody hears of it: they change the answer for the next.
            let answer = StatusCode::from_u16(answers.load(Ordering::SeqCst)).unwrap();
            // A test that has ended hears nothing.
            sender.send(ExportTraceServiceRequest::decode(body).unwrap()).ok();
            answer
        };
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { at, taken: taken.1, answer, refused, _runtime: runtime }
    }

    /// Returns the spans of what it is sent next.
    fn next(&self) -> Vec<Span> {
        let mut sent = self.taken.recv_timeout(PATIENCE).unwrap().resource_spans.remove(0);
        let about = sent.resource.unwrap().attributes;
        assert!(about.iter().any(|one| one.key == "service.name"), "{about:?}");
        sent.scope_spans.remove(0).spans
    }
}

impl Site {
    fn new() -> Self {
        let site = Self::beside(Collector::new(None));
        site.serve(&[]);
        site
    }

    /// Makes one that nobody serves yet.
    fn beside(collector: Collector) -> Self {
        let server = NatsServer::start();
        let actor = Actor::new(&server);
        let site = Self { server, actor, folder: TempDir::new().unwrap(), collector };
        let host =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/rules/host.json");
        fs::copy(host, site.folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let guests = r#"{"lxc_configs": {
          "900": { "name": "base", "template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8, "template_snapshot_name": "base-snapshot", "node": "pve1" },
          "901": { "name": "web", "clone_from_ctid": "900", "storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1" }
        }}"#;
        fs::write(site.folder.path().join("phoenix_lxc_configs.json"), guests).unwrap();
        site
    }

    /// Does what is typed.
    fn typed(&self, words: &[&str]) {
        run(&[words, &["--nats-url", &self.server.url()]].concat());
    }

    fn submit(&self, guest: &str, more: &[&str]) {
        let config = self.folder.path().to_str().unwrap();
        self.typed(&[&["submit", guest, "--detach", "--config", config], more].concat());
    }

    /// Starts serving, and waits until what happens is followed.
    fn serve(&self, more: &[&str]) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let at = self.server.url();
        let words = ["serve", "--listen", &port, "--otlp-endpoint", &self.collector.at];
        let words = [&words[..], &["--nats-url", &at], more].concat();
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        // It ends with the process of the test.
        thread::spawn(move || run(&words.iter().map(String::as_str).collect::<Vec<_>>()));
        while !is_ready(&port) {
            thread::yield_now();
        }
    }
}

#[test]
fn a_run_that_ends_is_sent_once_and_below_whoever_asked_for_it() {
    let site = Site::new();

    site.submit("900", &["--traceparent", GIVEN]);
    site.actor.complete("lxc-900");

    let spans = site.collector.next();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(
        names,
        ["run", "guest", "waits for a worker", "attempt", "ensure_container_defined"]
    );
    assert_eq!(spans[0].parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    let trace = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();
    assert!(spans.iter().all(|span| span.trace_id == trace), "{spans:?}");
    assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));

    site.submit("901", &[]);
    site.actor.complete("lxc-901");

    let spans = site.collector.next();
    assert!(spans[0].parent_span_id.is_empty(), "nobody stands above it: {spans:?}");
    assert_ne!(spans[0].trace_id, trace);
    assert!(site.collector.taken.try_recv().is_err(), "each is sent once");
}

#[test]
fn a_collector_that_takes_nothing_holds_up_nothing() {
    let site = Site::new();
    site.collector.answer.store(503, Ordering::SeqCst);

    site.submit("900", &[]);
    site.actor.complete("lxc-900");

    let lost = site.collector.next();
    site.collector.answer.store(200, Ordering::SeqCst);
    site.submit("901", &[]);
    site.actor.complete("lxc-901");
    assert_ne!(site.collector.next()[0].trace_id, lost[0].trace_id);
}

#[test]
fn a_collector_that_wants_a_key_is_sent_it_and_takes_nothing_without() {
    let site = Site::beside(Collector::new(Some("Bearer canary-key")));
    let file = site.folder.path().join("headers");
    fs::write(&file, "Authorization=Bearer%20canary-key\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.serve(&[]);

    site.submit("900", &[]);
    site.actor.complete("lxc-900");
    while site.collector.refused.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    site.serve(&["--otlp-headers-file", file.to_str().unwrap()]);
    site.submit("901", &[]);
    site.actor.complete("lxc-901");

    assert_eq!(site.collector.next()[0].name, "run");
    assert!(site.collector.taken.try_recv().is_err(), "what was refused is not sent again");
}

fn run(words: &[&str]) {
    let words = [&["phoenix"], words].concat();
    let typed = Typed::try_parse_from(&words).unwrap_or_else(|err| panic!("{err}"));
    phoenix_submitter::run(typed.command, ColorChoice::Never, Typed::command());
}

fn is_ready(at: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(at)?;
        stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {at}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 200 OK"))
}
