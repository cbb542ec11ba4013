//! A command that is being carried out.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgrp, getppid, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::die::{Die, EINTR, Outcome};
use crate::node::Node;
use crate::process::Signals;
use crate::say;
use crate::settings::Settings;

/// How often somebody who waits for a lock looks whether it is free, in milliseconds.
const LOCK_POLL_MS: u64 = 2;

/// What is to happen in the middle of a command.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Mishap {
    /// The process that started the program is killed.
    Starter,
    /// The program and its worker are killed.
    All,
    /// All three are killed.
    Everybody,
}

/// A command that is being carried out, by the program itself or by its worker.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) node: Node,
    pub(crate) settings: Settings,
    /// `pct`, `qm`, ...
    pub(crate) program: String,
    /// The process that started the program.
    pub(crate) starter: i32,
    pub(crate) mishap: Cell<Option<Mishap>>,
    pub(crate) warnings: Cell<u32>,
    pub(crate) signals: Option<Signals>,
    /// The digests of the configurations whose warnings were said.
    pub(crate) read: RefCell<BTreeMap<u32, String>>,
    held: RefCell<BTreeSet<String>>,
}

impl Run {
    pub(crate) fn new(node: Node, settings: Settings, program: &str) -> Self {
        Self {
            node,
            settings,
            program: program.to_owned(),
            starter: getppid().map_or(0, Pid::as_raw_pid),
            mishap: Cell::new(None),
            warnings: Cell::new(0),
            signals: None,
            read: RefCell::default(),
            held: RefCell::default(),
        }
    }

    /// Warns in a way that is counted, and does not make the command fail.
    pub(crate) fn warn(&self, words: &str) {
        say::err(&format!("WARN: {words}\n"));
        self.warnings.set(self.warnings.get() + 1);
    }

    /// Ends what is being done when a signal asked for it.
    pub(crate) fn check(&self) -> Outcome<()> {
        self.signals.as_ref().map_or(Ok(()), Signals::check)
    }

    /// Takes the time a part of a command takes.
    pub(crate) fn take_time(&self, part: &str) -> Outcome<()> {
        self.sleep(self.settings.part(part))
    }

    pub(crate) fn sleep(&self, ms: u64) -> Outcome<()> {
        if let Some(signals) = &self.signals {
            return signals.sleep(ms);
        }
        crate::clock::sleep(ms);
        Ok(())
    }

    /// The middle of a command: something is done, something is not.
    pub(crate) fn midpoint(&self) {
        match self.mishap.take() {
            None => {}
            Some(Mishap::Starter) => kill(self.starter),
            Some(Mishap::All) => kill_all(),
            Some(Mishap::Everybody) => {
                kill(self.starter);
                kill_all()
            }
        }
    }

    /// Whether this command is to be cut short in its middle.
    pub(crate) fn is_doomed(&self) -> bool {
        matches!(self.mishap.get(), Some(Mishap::All | Mishap::Everybody))
    }

    /// Does something while holding the lock of a guest; waits for it as long as is usual.
    pub(crate) fn locked<T>(
        &self,
        name: &str,
        wait_ms: u64,
        code: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<T> {
        if self.held.borrow().contains(name) {
            return code();
        }
        let file = self.lock(name, wait_ms)?;
        self.held.borrow_mut().insert(name.to_owned());
        let done = code();
        self.held.borrow_mut().remove(name);
        drop(file);
        done
    }

    fn lock(&self, name: &str, wait_ms: u64) -> Outcome<File> {
        let path = self.node.at(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        let mut waited = 0;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {}
                Err(err) => return Err(err.into()),
            }
            if waited == 0 {
                say::err("trying to acquire lock...\n");
            }
            if waited >= wait_ms {
                return Err(
                    Die::new(format!("can't lock file '{name}' - got timeout")).errno(EINTR)
                );
            }
            self.sleep(LOCK_POLL_MS)?;
            waited += LOCK_POLL_MS;
        }
        if waited > 0 {
            say::err(" OK\n");
        }
        Ok(file)
    }
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid).filter(|pid| pid.as_raw_pid() > 1) {
        kill_process(pid, Signal::KILL).ok();
    }
}

/// Kills the process that started the program.
pub(crate) fn kill_starter(run: &Run) {
    kill(run.starter);
}

/// Ends the program and its worker as SIGKILL would.
pub(crate) fn kill_all() -> ! {
    if say::is_worker() {
        // The parent first: nobody is left who could say anything.
        kill(getppid().map_or(0, Pid::as_raw_pid));
        kill_process_group(getpgrp(), Signal::KILL).ok();
    }
    say::die_of_the_pipe()
}
