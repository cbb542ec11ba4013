//! `phoenix doctor`: what is not well is named with what to type, and whatever else can be looked at is.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use chrono::Utc;
use phoenix_bus::{HostReport, MonitorQuestion};
use phoenix_domain::health::Facts;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use super::site::Site;
use crate::program::{Ended, phoenix, phoenix_monitor};

/// What may be typed besides `phoenix`.
const OTHERS: [&str; 9] =
    ["apt", "chmod", "curl", "du", "journalctl", "nats", "ps", "ssh", "systemctl"];

/// A site that is looked at, and a folder in the place of this machine, on which nothing is known.
struct Patient {
    site: Site,
    machine: TempDir,
}

impl Patient {
    async fn new() -> (Self, Worker) {
        let (site, worker) = Site::complete().await;
        (Self { site, machine: TempDir::new().unwrap() }, worker)
    }

    /// Looks at everything.
    async fn looked_at(&self, more: &[&str]) -> Ended {
        let machine = self.machine.path().to_str().unwrap();
        let secrets = format!("{machine}/secrets.json");
        let args = ["doctor", "--root", machine, "--secrets-file", &secrets];
        self.site.phoenix(&[&args, more].concat()).await
    }

    /// Looks at everything, and returns the lines about this that have this sign.
    async fn lines(&self, check: &str, sign: &str, more: &[&str]) -> Vec<Value> {
        let ended = self.looked_at(&[&["-o", "json"], more].concat()).await;
        let is_it =
            |line: &Value| text(line, "check") == Some(check) && text(line, "sign") == Some(sign);
        checks(&ended).into_iter().filter(is_it).collect()
    }

    /// Starts a monitor, and waits until it acts.
    async fn monitor(&self) -> Worker {
        let inner = &self.site.inner;
        let monitor = Start::new(&phoenix_monitor(), &inner.folder("monitor.log"))
            .with(&["--nats-url", &inner.server.url()])
            .go();
        let patience = std::time::Duration::from_secs(2);
        while inner.bus.ask_monitor(&MonitorQuestion::Health, patience).await.is_err() {
            tokio::task::yield_now().await;
        }
        monitor
    }
}

/// Returns all lines. Whatever is to be typed can be.
pub(crate) fn checks(ended: &Ended) -> Vec<Value> {
    let document: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {ended:?}"));
    assert_eq!(document.get("kind"), Some(&"DoctorReport".into()));
    let checks = document.get("checks").and_then(Value::as_array).unwrap().clone();
    for remedy in checks.iter().filter_map(|line| text(line, "remedy")) {
        assert_can_be_typed(remedy);
    }
    let is_wrong = checks.iter().any(|line| text(line, "sign") == Some("wrong"));
    assert_eq!(ended.code, if is_wrong { 2 } else { 0 }, "{ended:?}");
    checks
}

/// Returns what a line says of something.
pub(crate) fn text<'l>(line: &'l Value, what: &str) -> Option<&'l str> {
    line.get(what)?.as_str()
}

/// Fails unless a remedy is a command: one of ours is read by the real program, which then only prints its help.
fn assert_can_be_typed(remedy: &str) {
    let words: Vec<_> = remedy.split_whitespace().collect();
    let (program, args) = words.split_first().unwrap();
    if *program != "phoenix" {
        assert!(OTHERS.contains(program), "what is `{remedy}`?");
        return;
    }
    let ended = phoenix(&std::env::temp_dir(), &[args, &["--help"]].concat());
    assert_eq!(ended.code, 0, "`{remedy}` cannot be typed: {ended:?}");
}

/// Returns what is typed about the only line there is.
fn remedy(lines: &[Value]) -> &str {
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.first().and_then(|line| text(line, "remedy")).unwrap()
}

#[tokio::test]
async fn at_a_site_that_is_well_nothing_is_wrong() {
    let (patient, _worker) = Patient::new().await;
    let _monitor = patient.monitor().await;

    let ended = patient.looked_at(&["-o", "json"]).await;

    // How full the disk of this machine is, is its own affair.
    let (disks, others): (Vec<_>, Vec<_>) =
        checks(&ended).into_iter().partition(|line| line["check"] == "disk");
    let is_full = disks.iter().any(|line| line["sign"] == "wrong");
    assert_eq!(ended.code, if is_full { 2 } else { 0 }, "{ended:?}");
    let not_well: Vec<_> = others
        .into_iter()
        .filter(|line| !["ok", "not-looked-at"].contains(&line["sign"].as_str().unwrap()))
        .collect();
    assert!(not_well.is_empty(), "{not_well:?}");
    let text = patient.looked_at(&[]).await.out;
    let is_shown = |line: &&str| ![" disk ", "type: du "].iter().any(|word| line.contains(word));
    let text = text.lines().filter(is_shown).collect::<Vec<_>>().join("\n");
    insta::with_settings!({ filters => vec![
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d+ ms", "N ms"),
        (r"nats-server [\d.]+", "nats-server VERSION"),
        (r"\d+ of (\d+) (consumers|bytes|messages) \(\d+ %\)", "N of $1 $2"),
    ] }, { insta::assert_snapshot!("doctor", text) });
}

#[tokio::test]
async fn without_nats_and_without_a_configuration_it_says_so_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let machine = folder.path().to_str().unwrap();
    let url = ["--nats-url", "nats://kim:s3cret@127.0.0.1:9"];

    let ended =
        phoenix(folder.path(), &[&["doctor", "--root", machine, "-o", "json"], &url[..]].concat());

    let lines = checks(&ended);
    let sign = |check: &str| {
        let line = lines.iter().find(|line| line["check"] == check);
        line.unwrap_or_else(|| panic!("{check}: {ended:?}"))["sign"].clone()
    };
    assert_eq!(sign("NATS"), "wrong");
    for check in [
        "clock",
        "time service",
        "configuration",
        "tools",
        "units",
        "streams",
        "locks",
        "workers",
        "dead letters",
        "incidents",
    ] {
        assert_eq!(sign(check), "not-looked-at", "{check}");
    }
    assert_eq!(sign("versions"), "ok");
    assert!(!ended.out.contains("s3cret") && !ended.err.contains("s3cret"), "{ended:?}");
}

#[tokio::test]
async fn a_worker_of_another_version_is_named_with_which_of_the_two_is_upgraded() {
    let (patient, _worker) = Patient::new().await;
    for (host, version) in [("pve8", "0.0.9"), ("pve9", "99.0.0")] {
        let report = HostReport {
            host: host.parse().unwrap(),
            instance: "i".to_owned(),
            version: version.to_owned(),
            started: Utc::now(),
            heard: Utc::now(),
            is_leaving: false,
            busy: 0,
            inventory: Value::Null,
            facts: Facts::default(),
            drained: None,
            waits: std::collections::BTreeMap::new(),
        };
        patient.site.inner.bus.report(&report).await.unwrap();
    }

    let lines = patient.lines("versions", "warning", &[]).await;

    let said = |nth: usize| {
        (lines[nth]["found"].as_str().unwrap(), lines[nth]["remedy"].as_str().unwrap())
    };
    assert!(said(0).0.contains("the worker of pve8 is 0.0.9"), "{lines:?}");
    assert_eq!(said(0).1, "ssh pve8 apt install --only-upgrade phoenix-worker");
    assert!(said(1).0.contains("the worker of pve9 is 99.0.0"), "{lines:?}");
    assert_eq!(said(1).1, "apt install --only-upgrade phoenix");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_with_who_makes_it() {
    let (patient, _worker) = Patient::new().await;
    patient.site.inner.server.publish("$JS.API.STREAM.DELETE.KV_phoenix-deliveries", "");

    let lines = patient.lines("streams", "wrong", &[]).await;

    assert!(remedy(&lines).starts_with("phoenix nats setup"), "{lines:?}");
    assert_eq!(lines[0]["found"], "KV_phoenix-deliveries is missing");
}

#[tokio::test]
async fn a_node_that_is_drained_and_a_guest_that_was_given_up_are_told_with_what_to_type() {
    let (patient, _worker) = Patient::new().await;
    let site = &patient.site;
    site.ok(&["drain", "pve1", "--reason", "new memory"]).await;
    // A worker that stands still files nothing: the letter is that of before.
    site.ok(&["drain", "pve1", "--end"]).await;
    site.inner.server.publish("phoenix.log.main.lxc-999", "no event");
    while site.inner.bus.dead_letters().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    site.ok(&["drain", "pve1", "--reason", "new memory"]).await;

    let drains = patient.lines("drains", "warning", &[]).await;
    let letters = patient.lines("dead letters", "warning", &[]).await;

    assert!(remedy(&drains).starts_with("phoenix drain pve1 --end"), "{drains:?}");
    assert!(drains[0]["found"].as_str().unwrap().ends_with(": new memory"), "{drains:?}");
    assert!(remedy(&letters).starts_with("phoenix dead list"), "{letters:?}");
}

#[tokio::test]
async fn a_breaker_that_is_open_and_a_monitor_that_is_away_are_told() {
    let (patient, _worker) = Patient::new().await;
    let mut monitor = patient.monitor().await;
    patient.site.ok(&["breaker", "open", "--reason", "the switch is replaced"]).await;

    let open = patient.lines("health monitor", "warning", &[]).await;
    monitor.kill();
    let away = patient.lines("health monitor", "warning", &[]).await;

    assert!(remedy(&open).starts_with("phoenix breaker close --reason"), "{open:?}");
    assert!(open[0]["found"].as_str().unwrap().ends_with("the switch is replaced"), "{open:?}");
    assert_eq!(remedy(&away), "systemctl status phoenix-health-monitor");
}

#[tokio::test]
async fn who_holds_a_guest_that_nobody_works_on_is_named_by_number_and_command_line() {
    let (patient, mut worker) = Patient::new().await;
    worker.kill();
    let folder = patient.machine.path().join("run");
    fs::create_dir(&folder).unwrap();
    let lock = File::create(folder.join("lxc-950.lock")).unwrap();
    let secrets = patient.machine.path().join("none").display().to_string();
    let looked_at = async || {
        let folder = folder.to_str().unwrap();
        let args = ["doctor", "-o", "json", "--secrets-file", &secrets, "--run-dir", folder];
        let lines = checks(&patient.site.phoenix(&args).await);
        lines.into_iter().filter(|line| line["check"] == "locks").collect::<Vec<_>>()
    };

    let free = looked_at().await;
    lock.lock().unwrap();
    let held = looked_at().await;

    assert_eq!(free[0]["sign"], "ok", "{free:?}");
    let held = held.iter().find(|line| line["sign"] == "warning").unwrap();
    let pid = std::process::id();
    assert_eq!(held["remedy"], format!("ps -f {pid}"));
    let found = held["found"].as_str().unwrap();
    assert!(found.contains(&format!("lxc-950 is held by process {pid} (")), "{found}");
    // The command line is that of this test.
    assert!(found.contains("--exact"), "{found}");
}

#[tokio::test]
async fn a_file_with_secrets_that_others_can_read_is_told_with_its_path_and_nothing_of_it() {
    let (patient, _worker) = Patient::new().await;
    let file = patient.machine.path().join("secrets.json");
    fs::write(&file, r#"{"phoenix/prod/redis": "s3cret"}"#).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    let lines = patient.lines("secret files", "wrong", &[]).await;

    assert_eq!(remedy(&lines), format!("chmod 600 {}", file.display()));
    assert!(!format!("{lines:?}").contains("s3cret"), "{lines:?}");
}

#[tokio::test]
async fn a_configuration_that_is_refused_is_told_in_one_line() {
    let (patient, _worker) = Patient::new().await;
    fs::write(patient.site.folder().join("phoenix_lxc_configs.json"), "{").unwrap();

    let lines = patient.lines("configuration", "wrong", &[]).await;

    assert_eq!(remedy(&lines), "phoenix check");
}
