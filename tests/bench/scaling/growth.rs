//! What is typed and started, as guests become many: the cost of each of them should stay what it is.

use std::time::{Duration, Instant};

use phoenix_bus::Durability;
use phoenix_testkit::samples::Samples;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Scenes;
use crate::converge::fleet;
use crate::guests::{key, request};
use crate::load::Load;
use crate::processes::Pair;
use crate::usage;

/// The first guest that nobody has asked for.
const NEW: u32 = 700_000;

/// What something cost: seconds, and MiB.
pub(super) struct Cost {
    what: &'static str,
    seconds: f64,
    mib: f64,
}

/// Asks for so many guests, and starts whatever reads what is known of all of them.
pub(super) async fn measure(scenes: &Scenes<'_>, count: u32) -> Vec<Cost> {
    let mut pair = Pair::start(scenes.server);
    let load = Load::set_up(&pair.url, Durability::Synced).await;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fleet::write(folder.path(), count);
    let files = folder.path().display().to_string();
    let mut costs = Vec::new();
    let mut note = |what, (seconds, mib): (f64, f64)| {
        println!("{count:6} guests: {what}: {seconds:.3} s, {mib:.0} MiB");
        costs.push(Cost { what, seconds, mib });
    };
    let numbers: Vec<String> = fleet::numbers(count).map(|number| number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    // Where no worker is, so that nothing is done about them meanwhile.
    let of_files = ["--config", &files, "--host", "elsewhere"];
    let plan = [&["plan", "--offline"], &of_files[..], &numbers].concat();
    let submit = [&["submit", "--all", "--detach"], &of_files[..]].concat();
    for (what, words) in
        [("plan, without asking", plan), ("submit", submit), ("status", vec!["status"])]
    {
        note(what, pair.cost_of(scenes.phoenix, &words));
    }
    let begun = Instant::now();
    pair.work_until_all_is_known(scenes.worker);
    note("worker start", (begun.elapsed().as_secs_f64(), pair.memory().1));
    let begun = Instant::now();
    let monitor = pair.monitor(scenes.monitor);
    note("monitor start", (begun.elapsed().as_secs_f64(), usage::memory(monitor)));
    note("watch", watch(scenes, &mut pair, &load).await);
    costs
}

/// Starts a terminal that watches, and asks for guests until it has told of one.
async fn watch(scenes: &Scenes<'_>, pair: &mut Pair, load: &Load) -> (f64, f64) {
    let begun = Instant::now();
    let (pid, shown) = pair.watch(scenes.phoenix);
    let mut lines = BufReader::new(shown).lines();
    for nth in NEW.. {
        let wish = |_, before: Option<&_>| before.is_none().then(|| request(nth, &[key(999_999)]));
        load.bus.ask(&load.setup, &load.teller, &[key(nth)], wish).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(20), lines.next_line()).await;
        if let Ok(heard) = heard {
            assert!(heard.unwrap().is_some(), "it watches until it is stopped");
            break;
        }
    }
    (begun.elapsed().as_secs_f64(), usage::memory(pid))
}

/// Notes what each guest cost. The largest fleet is what the others are compared with: where a guest of it costs no
/// more than one of them, the ratio is one or more.
pub(super) fn note(samples: &Samples, costs: &[(u32, Vec<Cost>)]) {
    for (count, costs) in costs.iter().rev() {
        for Cost { what, seconds, mib } in costs {
            let (who, count) = (format!("{count} guests"), f64::from(*count));
            let (time, memory) = (1_000_000.0 * seconds / count, 1024.0 * mib / count);
            samples.note(0, &format!("{what}, time a guest"), &who, (time, "us"));
            samples.note(0, &format!("{what}, memory a guest"), &who, (memory, "KiB"));
        }
    }
}
