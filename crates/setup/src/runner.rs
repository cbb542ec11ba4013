//! Takes a host through its items, one change at a time.

use thiserror::Error;

use crate::apply::{self, ApplyError};
use crate::change::{Act, HostChange, Impact, Settle};
use crate::host::Host;
use crate::item::{Check, Item, Look, Refusal};
use crate::resume;
use crate::state::{self, FOLDER, Line, State, StateError};

/// More changes of one item than any has: two programs write against each other.
const MOST: usize = 500;

/// A host and all that is to be so of it.
pub struct Setup {
    host: Host,
    items: Vec<Box<dyn Item>>,
    /// What time it is, as the journal has it.
    now: fn() -> String,
    /// What is typed to go on after a reboot.
    resumed_by: Option<Vec<String>>,
}

/// How an item stands.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What is missing, or why nobody knows.
    pub look: Result<Look, Blocked>,
    /// What has to be run besides, so that what is written counts.
    pub unsettled: Option<Settle>,
}

/// Why nothing is done about an item.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Blocked {
    /// It refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An item that it needs is not right.
    #[error("{needs} is not right, which it needs")]
    Skipped {
        /// That one.
        needs: &'static str,
    },
}

/// How the work on an item ended.
#[derive(Debug)]
pub enum Ended {
    /// It was right already.
    Same,
    /// So much was changed.
    Changed(usize),
    /// It is right after the next boot.
    Reboot {
        /// How much was changed.
        changed: usize,
        /// Why.
        why: String,
    },
    /// Nothing was done, or no more.
    Blocked(Blocked),
    /// A change could not be made.
    Failed(RunError),
}

/// Why the work on an item ended badly.
#[derive(Debug, Error)]
pub enum RunError {
    /// A change could not be made.
    #[error("could not {change}")]
    Unmade {
        /// The change.
        change: String,
        /// Why.
        #[source]
        err: ApplyError,
    },
    /// A change was made, and the host is as before.
    #[error("`{change}` was done, and nothing came of it")]
    NotTaken {
        /// The change.
        change: String,
    },
    /// There is no end of it.
    #[error("there is no end of changes: somebody writes against setup")]
    Endless,
    /// A change that was not agreed to came up.
    #[error("`{change}` came up only now, and was not agreed to")]
    NotAgreed {
        /// The change.
        change: String,
    },
}

impl RunError {
    /// Returns what to do.
    pub fn advice(&self) -> String {
        match self {
            Self::Unmade { err, .. } => err.advice(),
            Self::NotTaken { .. } => "type it, and see what the host makes of it".to_owned(),
            Self::Endless => "see who else manages what is changed".to_owned(),
            Self::NotAgreed { .. } => {
                "look at `phoenix setup --plan`, and start it again".to_owned()
            }
        }
    }
}

/// What is told while it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// A change is about to be made.
    Begins(&'a HostChange),
    /// A change was made.
    Made(&'a HostChange),
    /// What was written is about to be made count.
    Settles(&'a Settle),
    /// An item is done with.
    Ends(&'a Ended),
}

/// Who is told what happens.
pub type Witness<'w> = &'w mut dyn FnMut(&'static str, Told<'_>);

impl Setup {
    /// Takes a host and its items, in their order.
    pub fn new(host: Host, items: Vec<Box<dyn Item>>, now: fn() -> String) -> Self {
        Self { host, items, now, resumed_by: None }
    }

    /// Says what is typed to go on after a reboot: then systemd types it.
    #[must_use]
    pub fn resumed_by(self, argv: Vec<String>) -> Self {
        Self { resumed_by: Some(argv), ..self }
    }

    /// Returns the names of the items.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.items.iter().map(|item| item.name())
    }

    /// Keeps only the items of these names.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        self.items.retain(|item| names.iter().any(|name| name == item.name()));
        self
    }

    /// Looks at everything, and changes nothing.
    pub fn plan(&self) -> Vec<Seen> {
        let folder = self.host.at(FOLDER);
        let mut seen: Vec<Seen> = Vec::new();
        for item in &self.items {
            // What an item needs may be missing as well: then it is foreseen as well as can be.
            let is_refused = |needs: &&&'static str| {
                seen.iter().any(|seen| seen.name == **needs && seen.look.is_err())
            };
            let look = match item.needs().iter().find(is_refused) {
                Some(needs) => Err(Blocked::Skipped { needs }),
                None => item.look(&self.host).map_err(Blocked::from),
            };
            let settle = look.as_ref().ok().and_then(|look| look.settle.clone());
            let is_changed = look.as_ref().is_ok_and(|look| !look.changes.is_empty());
            let unsettled = settle.filter(|settle| {
                is_changed || !state::is_settled(&folder, item.name(), &settle.digest)
            });
            seen.push(Seen { name: item.name(), about: item.about(), look, unsettled });
        }
        seen
    }

    /// Looks whether everything is as configured and works.
    pub fn verify(&self) -> Vec<(&'static str, Vec<Check>)> {
        let look = |item: &dyn Item| {
            Check::of(
                "is as configured",
                item.look(&self.host).map(|look| {
                    let first = look.changes.first().map(|change| change.act.to_string());
                    match (look.changes.len(), first) {
                        (0, _) | (_, None) => look.reboot,
                        (1, Some(first)) => Some(format!("setup would {first}")),
                        (more, Some(first)) => {
                            Some(format!("setup would {first}, and {} more", more - 1))
                        }
                    }
                }),
            )
        };
        let checked =
            |item: &dyn Item| std::iter::once(look(item)).chain(item.verify(&self.host)).collect();
        self.items.iter().map(|item| (item.name(), checked(item.as_ref()))).collect()
    }

    /// Makes everything so. What costs more than `agreed` of an item is not done.
    pub fn run(
        &self,
        agreed: &dyn Fn(&'static str, &HostChange) -> bool,
        told: Witness<'_>,
    ) -> Result<Vec<(&'static str, Ended)>, StateError> {
        let mut state = State::open(&self.host)?;
        let boot = self.host.line("/proc/sys/kernel/random/boot_id").ok().flatten();
        let boot = boot.unwrap_or_default();
        let mut ended: Vec<(&'static str, Ended)> = Vec::new();
        for item in &self.items {
            let is_wrong = |needs: &&&'static str| {
                ended.iter().any(|(name, ended)| *name == **needs && !ended.is_right())
            };
            let end = match item.needs().iter().find(is_wrong) {
                Some(needs) => Ended::Blocked(Blocked::Skipped { needs }),
                None => self.work(item.as_ref(), &mut state, &boot, agreed, told)?,
            };
            let (what, why) = match &end {
                Ended::Same | Ended::Changed(_) => ("done", None),
                Ended::Reboot { why, .. } => ("awaiting-reboot", Some(why.clone())),
                Ended::Blocked(blocked) => ("blocked", Some(blocked.to_string())),
                Ended::Failed(err) => ("failed", Some(err.to_string())),
            };
            self.note(&mut state, &boot, item.name(), what, None, why.as_deref())?;
            told(item.name(), Told::Ends(&end));
            ended.push((item.name(), end));
        }
        if let Some(argv) = &self.resumed_by {
            let is_awaited = ended.iter().any(|(_, end)| matches!(end, Ended::Reboot { .. }));
            if let Err(err) = resume::arrange(&self.host, &state, argv, is_awaited) {
                let change = "have setup go on after the reboot".to_owned();
                let end = Ended::Failed(RunError::Unmade { change, err });
                told("resume", Told::Ends(&end));
                ended.push(("resume", end));
            }
        }
        Ok(ended)
    }

    fn work(
        &self,
        item: &dyn Item,
        state: &mut State,
        boot: &str,
        agreed: &dyn Fn(&'static str, &HostChange) -> bool,
        told: Witness<'_>,
    ) -> Result<Ended, StateError> {
        let name = item.name();
        let mut made: Vec<HostChange> = Vec::new();
        let look = loop {
            let look = match item.look(&self.host) {
                Ok(look) => look,
                Err(refusal) => return Ok(Ended::Blocked(refusal.into())),
            };
            let Some(change) = look.changes.first() else { break look };
            let failed = |err| Ok(Ended::Failed(err));
            if made.contains(change) {
                return failed(RunError::NotTaken { change: change.act.to_string() });
            }
            if made.len() >= MOST {
                return failed(RunError::Endless);
            }
            if !agreed(name, change) {
                return failed(RunError::NotAgreed { change: change.act.to_string() });
            }
            if look.settle.is_some() {
                state.unsettle(name)?;
            }
            self.note(state, boot, name, "begun", Some(&change.act), Some(&change.why))?;
            told(name, Told::Begins(change));
            if let Err(err) = apply::apply(&self.host, state, &change.act) {
                return failed(RunError::Unmade { change: change.act.to_string(), err });
            }
            told(name, Told::Made(change));
            self.note(state, boot, name, "made", Some(&change.act), None)?;
            made.push(change.clone());
        };
        if let Some(settle) = &look.settle
            && !state.is_settled(name, &settle.digest)
        {
            told(name, Told::Settles(settle));
            for run in &settle.runs {
                self.note(state, boot, name, "settling", Some(&Act::Run(run.clone())), None)?;
                if let Err(err) = apply::run(&self.host, state, run) {
                    let change = format!("have it count by `{run}`");
                    return Ok(Ended::Failed(RunError::Unmade { change, err }));
                }
            }
            state.settle(name, &settle.digest)?;
        }
        Ok(match (look.reboot, made.len()) {
            (Some(why), changed) => Ended::Reboot { changed, why },
            (None, 0) => Ended::Same,
            (None, changed) => Ended::Changed(changed),
        })
    }

    fn note(
        &self,
        state: &mut State,
        boot: &str,
        item: &str,
        what: &str,
        change: Option<&Act>,
        why: Option<&str>,
    ) -> Result<(), StateError> {
        let change = change.map(ToString::to_string);
        state.note(&Line { at: (self.now)(), boot, item, what, change, why })
    }
}

impl Ended {
    /// Says whether what needs it may go on.
    pub fn is_right(&self) -> bool {
        match self {
            Self::Same | Self::Changed(_) => true,
            Self::Reboot { .. } | Self::Blocked(_) | Self::Failed(_) => false,
        }
    }
}

impl Seen {
    /// Says whether there is something to do about it.
    pub fn is_right(&self) -> bool {
        self.unsettled.is_none()
            && self.look.as_ref().is_ok_and(|look| look.changes.is_empty() && look.reboot.is_none())
    }

    /// Returns what the dearest of its changes costs.
    pub fn impact(&self) -> Impact {
        let changes = self.look.as_ref().map(|look| look.changes.as_slice()).unwrap_or_default();
        changes.iter().map(|change| change.impact).max().unwrap_or(Impact::Live)
    }
}
