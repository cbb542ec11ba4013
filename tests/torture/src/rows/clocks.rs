//! Clocks that jump, stand still, or run: a worker that sees another time makes all as it should, and in time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_testkit::host::{Fault, FaultKind, Settings};
use serde_json::Value;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::{Reading, text};

/// How a clock can go, as libfaketime has it: ahead, behind, at a standstill, ten times as fast.
const GOES: [&str; 7] = ["+1h", "-1h", "+10y", "-10y", "2031-01-01 00:00:00", "+0 x10", "+0"];

/// The clock of a worker, which is not that of the machine.
struct Clock(PathBuf);

impl Clock {
    /// Gives the workers of a field a clock of their own, which is right for now.
    fn of(field: &mut Field) -> Self {
        let clock = Self(field.path("clock"));
        clock.goes("+0");
        let library = library().expect("apt-get install faketime");
        let path = |path: &Path| path.display().to_string();
        for (name, value) in [
            ("LD_PRELOAD", path(&library)),
            ("FAKETIME_TIMESTAMP_FILE", path(&clock.0)),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // How long something takes is no matter of what time it is.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ] {
            field.environment.push((name.to_owned(), value));
        }
        clock
    }

    /// Has it go like this from now on. Whoever reads it finds all of that, or what was there before.
    fn goes(&self, how: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{how}\n")).unwrap();
        fs::rename(new, &self.0).unwrap();
    }
}

/// Returns where Debian has the library that changes what time it is.
fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut libraries = places.map(|place| place.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|path| path.exists())
}

/// Has the clock of a worker go otherwise, again and again; now and then a tool hangs just when it is set back.
pub(super) async fn jump(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let clock = Clock::of(field);
    field.host.set(&Settings { limit_ms: 900, ..pace(dice.between(5, 40)) });
    let mut breaches = Vec::new();
    let hangs = dice.falls(50);
    if hangs {
        field.host.fault(Fault::new(FaultKind::Hang { ms: None }).kind("install-feature"));
    }
    field.start();
    field.submit().await;
    if hangs {
        let installs = |field: &Field, times: usize| installed(field) >= times;
        field.until(Duration::from_secs(20), |field| installs(field, 1)).await;
        clock.goes(dice.one_of::<&str>(&["-1h", "-10y"]));
        field.harmed(2);
        if !field.until(Duration::from_secs(20), |field| installs(field, 2)).await {
            breaches.push(Breach::of("I-11", "what hangs is not ended while the clock is behind"));
        }
    }
    for _ in 0..dice.between(3, 10) {
        tokio::time::sleep(dice.millis(20, 500)).await;
        clock.goes(dice.one_of::<&str>(&GOES));
        field.harmed(1);
        if dice.falls(20) {
            field.workers.remove(0).kill();
            field.start();
        }
    }
    breaches
}

/// Returns how often a feature was begun to be installed.
fn installed(field: &Field) -> usize {
    let ledger = Reading::ledger(field.host.folder());
    let begun = |line: &&Value| text(line, "/mark") == "begun";
    ledger.iter().filter(begun).filter(|line| text(line, "/kind") == "install-feature").count()
}
