//! A leaf that keeps to no rules: the servers that it calls hold it to those of its host.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::forbidden::{NOBODY, OF_ANOTHER_HOST};
use super::site::{PATIENCE, Site};

/// Where it is answered.
const INBOX: &str = "_INBOX_worker-pve1.kept";

/// A server of somebody who writes his own. It lets through whatever it likes.
struct Leaf {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Leaf {
    /// Calls the servers with the key of the worker of pve1.
    fn calling(site: &Site, port: u16) -> Self {
        let to = TcpStream::connect(("127.0.0.1", port)).unwrap();
        to.set_read_timeout(Some(PATIENCE)).unwrap();
        let from = BufReader::new(to.try_clone().unwrap());
        let mut leaf = Self { to, from };
        let info = leaf.line().unwrap();
        let info: Value = serde_json::from_str(info.strip_prefix("INFO ").unwrap()).unwrap();
        let key = fs::read_to_string(site.key("worker-pve1")).unwrap();
        let seed = key.lines().find(|line| line.starts_with("SU")).unwrap();
        let pair = KeyPair::from_seed(seed).unwrap();
        let nonce = info.get("nonce").and_then(Value::as_str).unwrap();
        let signed = pair.sign(nonce.as_bytes()).unwrap();
        let connect = json!({
            "nkey": pair.public_key(),
            "sig": BASE64_URL_SAFE_NO_PAD.encode(signed),
            "name": "leaf",
            "server_id": "LEAF",
            "headers": true,
        });
        write!(leaf.to, "CONNECT {connect}\r\n").unwrap();
        leaf
    }

    /// Says something, and returns what it is told until the server has dealt with that, or hung up.
    fn told(&mut self, says: &str) -> Vec<String> {
        write!(self.to, "{says}\r\nPING\r\n").unwrap();
        let mut told = Vec::new();
        while let Some(line) = self.line() {
            let is_last = line == "PONG";
            told.push(line);
            if is_last {
                break;
            }
        }
        told
    }

    /// Publishes something; says whether the server lets that pass, and does not hang up.
    fn is_let(&mut self, subject: &str) -> bool {
        let told = self.told(&format!("LMSG {subject} 2\r\n{{}}"));
        told.last().is_some_and(|last| last == "PONG")
    }

    /// Writes into the log of a guest, as its host may; returns how many messages the log has then.
    fn kept(&mut self) -> u64 {
        let publishes = format!("LMSG phoenix.log.main.lxc-950 {INBOX} 2\r\n{{}}");
        write!(self.to, "LS+ {INBOX}\r\n{publishes}\r\n").unwrap();
        loop {
            let line = self.line().expect("the server hung up");
            if line.starts_with('{') {
                let answer: Value = serde_json::from_str(&line).unwrap();
                return answer.get("seq").and_then(Value::as_u64).unwrap();
            }
        }
    }

    /// Returns the next line, without its end; none where the server hung up.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

#[test]
fn a_leaf_that_breaks_the_rules_is_cut_off() {
    let (site, port, _hub) = hub();
    assert_eq!(Leaf::calling(&site, port).kept(), 1);

    let let_pass: Vec<_> = NOBODY
        .iter()
        .chain(&OF_ANOTHER_HOST)
        // A server does not look at what a leaf acknowledges: docs/nats.md tells that.
        .filter(|subject| !subject.starts_with("$JS.ACK."))
        .filter(|subject| Leaf::calling(&site, port).is_let(subject))
        .collect();

    assert!(let_pass.is_empty(), "{let_pass:?}");
    assert_eq!(Leaf::calling(&site, port).kept(), 2);
}

#[test]
fn a_leaf_hears_nothing_that_its_host_may_not() {
    let (site, port, _hub) = hub();
    let _worker = site.worker("pve1", None);
    let mut leaf = Leaf::calling(&site, port);
    leaf.told("LS+ >");

    let submitted = site.phoenix("submitter", &["submit", "900", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let planned = site.phoenix("submitter", &["plan", "900", "--exit-code"]);
    assert_eq!(planned.code, 0, "{planned:?}");

    let told = leaf.told("LS- >");
    let heard = |line: &String| {
        let (kind, rest) = line.split_once(' ')?;
        ["LMSG", "HMSG"].contains(&kind).then(|| rest.split(' ').next().unwrap().to_owned())
    };
    let heard: Vec<_> = told.iter().filter_map(heard).collect();
    assert!(heard.iter().any(|subject| subject == "phoenix.ask.main.pve1"), "{told:?}");
    for subject in heard {
        let may = ["phoenix.ask.main.pve1", "phoenix.event.main.", "_INBOX_worker-pve1."];
        assert!(may.iter().any(|one| subject.starts_with(one)), "it hears {subject}");
    }
}

/// Returns servers that listen for leaves, and where: in the open, as their rules are not about that.
fn hub() -> (Site, u16, phoenix_testkit::worker::Worker) {
    let site = Site::written(&["nats"]);
    let written = site.init(&["--leaf-for", "pve1"]);
    assert_eq!(written.code, 0, "{written:?}");
    let path = site.dir().join("nats/nats-server.conf");
    let config = fs::read_to_string(&path).unwrap();
    let (before, leaves) = config.split_once("leafnodes {\n").unwrap();
    let (sealed, after) = leaves.split_once("  }\n").unwrap();
    let (open, _) = sealed.split_once("  tls {\n").unwrap();
    fs::write(&path, format!("{before}leafnodes {{\n{open}{after}")).unwrap();
    let port = open.split_once("listen: \"127.0.0.1:").unwrap().1.split_once('"').unwrap().0;
    let port = port.parse().unwrap();
    let hub = site.server("nats");
    site.set_up();
    (site, port, hub)
}
