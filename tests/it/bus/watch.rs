//! `phoenix watch`.

use std::io::{BufRead as _, BufReader, Read};
use std::iter;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::site::Site;

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that tells what happens without end; gone with the test.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    remarks: Receiver<String>,
}

/// Returns the lines of what a program says, as they come. It ends with the program, which the test ends.
fn lines(said: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

impl Watching {
    fn start(site: &Site, args: &[&str]) -> Self {
        let mut child = site.start(&[&["watch"], args].concat());
        let told = lines(child.stdout.take().unwrap());
        let remarks = lines(child.stderr.take().unwrap());
        Self { child, lines: told, remarks }
    }

    /// Returns the lines up to the first one that is like this.
    fn until(&mut self, what: &str, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("in vain waited until {what}: {lines:#?}");
            };
            let is_over = is_last(&line);
            lines.push(line);
            if is_over {
                return lines;
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns what a monitor tells: a probe of 901 that has found it to be this.
fn turned(id: &str, to: &Value) -> String {
    let now = chrono::Utc::now().to_rfc3339();
    let event = json!({
        "specversion": "1.0", "id": id, "source": "//main/phoenix/health-monitor/0199",
        "type": "dev.phoenix.health.turned.v1", "subject": "lxc-901", "time": now,
        "datacontenttype": "application/json",
        "data": {
            "text": "in words", "guest": "lxc-901", "probe": id, "since": now,
            "from": { "is": "healthy" }, "to": to,
        },
    });
    event.to_string()
}

fn failed() -> Value {
    json!({ "is": "failed", "because": "hung" })
}

/// Tells something of 901, once the server takes it.
fn tell(site: &Site, id: &str, to: &Value) {
    let subject = format!("phoenix.health.main.lxc-901.{id}");
    let stored = |site: &Site| {
        let told = site.lines_until_now(&["--only", "health", "-o", "jsonl"]);
        told.iter().any(|line| line.contains(&format!("\"id\":\"{id}\"")))
    };
    let began = Instant::now();
    site.server.publish(&subject, turned(id, to));
    while !stored(site) {
        assert!(began.elapsed() < PATIENCE, "{id} is not kept");
    }
}

impl Site {
    /// Returns the lines of what is past.
    fn lines_until_now(&self, args: &[&str]) -> Vec<String> {
        let ended = self.phoenix(&[&["watch", "--since", "1h", "--until", "0s"], args].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out.lines().map(str::to_owned).collect()
    }
}

#[test]
fn what_happened_is_told_since_then_and_only_what_is_asked_for() {
    let site = Site::new();
    let run = site.submit("901");
    site.actor.fail_and_wait("lxc-900", 3600);

    let all = site.lines(&["watch", "--since", "1h"], 6);
    let failures = site.lines(&["watch", "--since", "1h", "--kind", "step-failed,retry-wait"], 2);
    let one = site.lines(&["watch", "901", "--run", &run, "--since", "1h"], 1);
    let bad = site.lines_until_now(&["--severity", "warning"]);
    let worse = site.lines_until_now(&["--severity", "error"]);
    let history = site.phoenix(&["history", "900", "--severity", "warning"]);

    assert!(all.first().unwrap().contains("asked for by kim@"), "{all:?}");
    assert!(
        failures.first().unwrap().contains("failed at 2/3 apply_configurations"),
        "{failures:?}"
    );
    assert!(failures.last().unwrap().contains("attempt 2 of 8"), "{failures:?}");
    assert!(one.first().unwrap().contains("901 web"), "{one:?}");
    assert!(bad.len() == 1 && bad[0].contains("failed at 2/3"), "{bad:?}");
    assert!(worse.is_empty(), "{worse:?}");
    assert_eq!(history.out.lines().count(), 1, "{history:?}");
}

#[test]
fn what_the_monitor_tells_stands_among_what_happens_in_the_order_of_time() {
    let site = Site::new();
    site.submit("901");
    tell(&site, "first", &failed());
    site.submit("902");
    tell(&site, "second", &json!({ "is": "starting" }));

    let all = site.lines_until_now(&[]);
    let guests = site.lines_until_now(&["--only", "guests"]);
    let health = site.lines_until_now(&["--only", "health"]);
    let bad = site.lines_until_now(&["--severity", "error"]);
    let other = site.lines_until_now(&["902"]);
    let elsewhere = site.lines_until_now(&["--host", "pve2"]);
    let documents = site.lines_until_now(&["-o", "jsonl"]);
    let both = site.phoenix(&["watch", "--only", "health", "--kind", "requested"]);

    let at = |what: &str| all.iter().position(|line| line.contains(what)).unwrap_or(usize::MAX);
    assert!(at("901 web  asked") < at("  first is failed (hung), was healthy"), "{all:#?}");
    assert!(at("  first is failed") < at("902 db  asked"), "{all:#?}");
    assert!(at("902 db  asked") < at("901 web  second is starting"), "{all:#?}");
    assert_eq!((guests.len(), health.len(), bad.len()), (3, 2, 1), "{guests:?} {health:?} {bad:?}");
    assert!(bad[0].contains("first is failed"), "{bad:?}");
    assert!(!other.is_empty() && !other.iter().any(|line| line.contains("901")), "{other:?}");
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    let types: Vec<_> = documents
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone())
        .collect();
    assert_eq!(types.len(), 5, "{types:?}");
    assert!(types.contains(&"dev.phoenix.health.turned.v1".into()), "{types:?}");
    assert_eq!(both.code, 64, "{both:?}");
    assert!(all.iter().all(|line| line.chars().count() <= 110), "{all:#?}");
}

#[test]
fn who_watches_misses_nothing_and_hears_nothing_twice_though_the_server_is_killed() {
    let mut site = Site::new();
    site.submit("900");
    let mut watching = Watching::start(&site, &["--since", "1h", "-o", "jsonl"]);
    watching.until("900 is asked for", |line| line.contains("guest.requested.v1"));
    tell(&site, "before", &failed());
    let mut told = watching.until("health is told", |line| line.contains("\"id\":\"before\""));

    for (round, guest) in [("one", "901"), ("two", "902")] {
        site.server.kill();
        site.server.restart();
        // Most of it is told before whoever watches is back.
        for nth in 0..20 {
            let id = format!("{round}{nth}");
            let subject = format!("phoenix.health.main.lxc-901.{id}");
            site.server.publish(&subject, turned(&id, &failed()));
        }
        while site.phoenix(&["submit", guest, "--detach"]).code != 0 {}
        tell(&site, &format!("{round}-last"), &failed());
        let mut is_told = (false, false);
        while is_told != (true, true) {
            let lines = watching.until("both are told", |line| {
                line.contains(&format!("\"subject\":\"lxc-{guest}\""))
                    || line.contains(&format!("\"id\":\"{round}-last\""))
            });
            let is_health = lines.last().unwrap().contains("health.turned");
            is_told = (is_told.0 || !is_health, is_told.1 || is_health);
            told.extend(lines);
        }
    }

    let ids = |lines: &[String]| -> Vec<String> {
        let id = |line: &String| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["id"].as_str().unwrap().to_owned()
        };
        lines.iter().map(id).collect()
    };
    let (mut heard, mut kept) = (ids(&told), ids(&site.lines_until_now(&["-o", "jsonl"])));
    // What was heard before the first of these was asked for.
    kept.retain(|id| heard.contains(id) || id.starts_with("one") || id.starts_with("two"));
    heard.sort();
    kept.sort();
    assert_eq!(heard, kept);
    assert!(heard.len() >= 45, "{heard:?}");
}

#[test]
fn what_nobody_has_heard_of_is_named_before_it_is_waited_for_and_told_once_it_comes() {
    let site = Site::new();
    site.submit("900");
    let until = |args: &[&str]| {
        let past = ["watch", "--since", "1h", "--until", "0s", "-o", "jsonl"];
        site.phoenix(&[&past, args].concat())
    };

    let all = until(&["777", "900", "--host", "pve9,pve1", "--run", "r-0001abcd"]);
    let known = until(&["900", "--host", "pve1"]);
    let mut watching = Watching::start(&site, &["901", "-o", "jsonl"]);
    let remark = || watching.remarks.recv_timeout(PATIENCE).expect("it is named some time");
    let named = iter::repeat_with(remark).find(|line| line.contains("nothing is known")).unwrap();
    site.submit("901");
    let told = watching.until("901 is asked for", |line| line.contains("\"subject\":\"lxc-901\""));

    let wanted = "nothing is known yet of guest 777, host pve9 and run r-0001abcd\n";
    assert!(all.code == 0 && all.err.ends_with(wanted) && all.out.is_empty(), "{all:?}");
    assert!(!known.err.contains("nothing is known"), "{known:?}");
    assert_eq!(named, "nothing is known yet of guest 901");
    assert_eq!(told.len(), 1, "it goes on waiting: {told:?}");
}
