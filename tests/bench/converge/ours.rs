//! Phoenix: a server and a worker that are there already, and what a person types.

use std::path::Path;
use std::time::Instant;

use phoenix_testkit::pve::PveNode;
use tempfile::TempDir;

use super::{Run, Scenes, fleet, started};
use crate::processes::Pair;
use crate::usage;

pub(super) struct Site<'s> {
    pair: Pair,
    node: PveNode,
    folder: TempDir,
    phoenix: &'s Path,
}

impl<'s> Site<'s> {
    pub(super) fn new(scenes: &Scenes<'s>, guests: u32) -> Self {
        let node = scenes.node();
        node.feature("base_setup");
        node.script("application.sh", "#!/bin/sh\nset -eu\necho application >> /opt/installed\n");
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fleet::write(folder.path(), guests);
        let mut pair = Pair::start(scenes.server);
        pair.work_on(scenes.worker, &node);
        Self { pair, node, folder, phoenix: scenes.phoenix }
    }

    /// Asks for all guests, and waits until they are as wanted.
    pub(super) fn submit(&self) -> Run {
        let folder = self.folder.path().display().to_string();
        self.run(&["submit", "--all", "--config", &folder]).0
    }

    /// Has the worker look at every guest, and say what of it is otherwise than it was made.
    pub(super) fn look(&self, guests: u32) -> Run {
        let (run, said) = self.run(&["drift"]);
        assert_eq!(said, format!("{guests} guests looked at: no drift\n"));
        run
    }

    fn run(&self, words: &[&str]) -> (Run, String) {
        let own = || self.pair.cpu_with_children() + usage::cpu_of_children();
        let (cpu, before, begun) = (own(), started(&self.node), Instant::now());
        let said = self.pair.phoenix(self.phoenix, words);
        let seconds = begun.elapsed().as_secs_f64();
        (Run { seconds, cpu: own() - cpu, started: started(&self.node) - before }, said)
    }
}
