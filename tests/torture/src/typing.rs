//! What somebody types in a field, and how long it is waited for.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::field::Field;
use crate::invariants::Breach;
use crate::programs::Ended;
use crate::reading::{Reading, UNREADABLE, stands};

/// How often is looked where nobody tells.
const POLL: Duration = Duration::from_millis(20);
/// For how long a command is typed again where the server was away.
const INSISTS: Duration = Duration::from_secs(30);
/// How a guest stands that nobody has to wait for.
const SETTLED: [&str; 5] = ["completed", "dead", "cancelled", "blocked", "blocked-by"];

impl Field {
    /// Types a command, once.
    pub(crate) async fn types(&self, args: &[&str]) -> Ended {
        let (programs, folder) = (self.programs.clone(), self.path(""));
        let url = self.server.url();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let run = move || {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            programs.run(&folder, &args, &[("NATS_URL", &url), ("USER", "kim")])
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Types a command until it ends well: whoever is told that the server was away types it again.
    pub(crate) async fn insists(&self, args: &[&str]) {
        let since = Instant::now();
        loop {
            let ended = self.types(args).await;
            if ended.code == Some(0) {
                return;
            }
            assert!(
                since.elapsed() < INSISTS,
                "`phoenix {}` ended with {:?}: {}",
                args.join(" "),
                ended.code,
                ended.said
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks for the whole fleet, and does not wait for it.
    pub(crate) async fn submit(&self) {
        let numbers = self.fleet.numbers();
        self.submit_these(&numbers).await;
    }

    /// Asks for these guests, and does not wait for them.
    pub(crate) async fn submit_these(&self, numbers: &[u32]) {
        self.asked.borrow_mut().extend(numbers);
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let words = ["submit", "--detach"].into_iter().chain(numbers.iter().map(String::as_str));
        self.insists(&words.collect::<Vec<_>>()).await;
    }

    /// Waits until all guests are settled, and says which are not in time. Workers that end are started anew
    /// meanwhile, as systemd would.
    pub(crate) async fn settles(&mut self, within: Duration) -> Result<(), String> {
        let since = Instant::now();
        loop {
            self.revive().await;
            let left = self.unsettled();
            if left.is_empty() {
                return Ok(());
            }
            if since.elapsed() > within {
                return Err(left.join("; "));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until all guests are settled; where they are not in time, a promise is broken.
    pub(crate) async fn must_settle(&mut self, within: Duration) -> Vec<Breach> {
        match self.settles(within).await {
            Ok(()) => Vec::new(),
            Err(left) => vec![Breach::of("I-14", left)],
        }
    }

    /// Vouches for the log of every guest a human is asked about.
    pub(crate) async fn vouch(&self) {
        self.again(&["blocked", "blocked-by"], &["retry", "--trust-log", "--detach"]).await;
    }

    /// Asks once more for every guest, whatever became of it.
    pub(crate) async fn retry_all(&self) {
        self.again(&SETTLED, &["retry", "--detach"]).await;
    }

    async fn again(&self, standing: &[&str], words: &[&str]) {
        let Ok(reading) = Reading::of(self) else { return };
        for number in self.fleet.numbers() {
            if standing.contains(&reading.stands(&format!("lxc-{number}")).as_str()) {
                // What waits for another one alone goes on with that one, and is refused here.
                self.types(&[words, &[&number.to_string()]].concat()).await;
            }
        }
    }

    /// Counts the faults of the host that came, and takes away those that did not.
    pub(crate) fn harmed_by_what_came(&self) {
        let folder = self.host.folder().join("faults.json");
        let faults: Value = fs::read(&folder)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let asked = faults.get("last").and_then(Value::as_u64).unwrap_or(0);
        let left = self.host.faults_left();
        self.harmed(asked.saturating_sub(u64::try_from(left).unwrap()));
        for id in 1..=u32::try_from(asked).unwrap() {
            self.host.without_fault(id);
        }
    }

    /// Waits until it is so, or this time is over.
    pub(crate) async fn until(&self, within: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let since = Instant::now();
        while since.elapsed() < within {
            if is_so(self) {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        is_so(self)
    }

    /// Returns the guests that are not settled, each with how it stands.
    fn unsettled(&self) -> Vec<String> {
        let mut wire = match self.wire() {
            Ok(wire) => wire,
            Err(err) => return vec![format!("the server does not answer: {err}")],
        };
        let mut left = Vec::new();
        for vmid in self.asked.borrow().iter() {
            let last = wire.last("PHOENIX_LOG", &format!("phoenix.log.main.lxc-{vmid}"));
            let stands = match last {
                Ok(Some(message)) if stands(&message.body) == UNREADABLE => Reading::of(self)
                    .map_or_else(|err| err.to_string(), |all| all.stands(&format!("lxc-{vmid}"))),
                Ok(Some(message)) => stands(&message.body),
                Ok(None) => "not asked for".to_owned(),
                Err(err) => err.to_string(),
            };
            if !SETTLED.contains(&stands.as_str()) {
                left.push(format!("{vmid} is {stands}"));
            }
        }
        left
    }
}
