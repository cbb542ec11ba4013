//! Bits of what the server has stored flip: that is noticed, or harms nobody; nothing is destroyed on its word.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_testkit::nats::NatsServer;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::Reading;
use crate::rows::logs::goes_on_without_the_log;

/// How long what was asked for may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Flips a few bits of the log, or cuts off its end, while the server is away.
pub(super) async fn flip(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let store = field.path("flipped");
    let more = format!("jetstream {{ store_dir: \"{}\", sync_interval: always }}", store.display());
    field.server = NatsServer::start_with(&more);
    field.host.set(&pace(dice.between(2, 20)));
    field.start();
    field.submit().await;
    let mut breaches = field.must_settle(PATIENCE).await;
    field.server.kill();
    let blocks = blocks(&store.join("jetstream/$G/streams/PHOENIX_LOG/msgs"));
    assert!(!blocks.is_empty(), "the log is nowhere below {}", store.display());
    for _ in 0..dice.between(1, 4) {
        let path = dice.one_of(&blocks);
        let mut bytes = fs::read(path).unwrap();
        let length = u64::try_from(bytes.len()).unwrap();
        let at = usize::try_from(dice.between(0, length.max(1))).unwrap();
        if dice.falls(20) {
            bytes.truncate(at);
        } else if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << dice.between(0, 8);
        }
        fs::write(path, bytes).unwrap();
        field.harmed(1);
    }
    let there = Reading::guests(field.host.folder());
    field.server.restart();
    breaches.extend(goes_on_without_the_log(field, &there).await);
    breaches
}

/// Returns the files that messages lie in.
fn blocks(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut blocks: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "blk")).collect();
    blocks.sort();
    blocks
}
