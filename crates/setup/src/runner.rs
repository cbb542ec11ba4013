//! Takes a host through its items, one change at a time.

use thiserror::Error;

use crate::apply::{self, ApplyError};
use crate::change::{Act, HostChange, Impact, Settle};
use crate::host::Host;
use crate::item::{Check, Gone, Item, Look, Name, Refusal};
use crate::resume;
use crate::state::{self, FOLDER, Line, State, StateError};

/// More changes of one item than any has: two programs write against each other.
const MOST: usize = 500;

/// A host and all that is to be so of it.
pub struct Setup {
    host: Host,
    items: Vec<Box<dyn Item>>,
    /// Those that nobody asked for.
    unasked: Vec<Box<dyn Item>>,
    /// What time it is, as the journal has it.
    now: fn() -> String,
    /// What is typed to go on after a reboot.
    resumed_by: Option<Vec<String>>,
}

/// How an item stands.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub name: Name,
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
    #[error("{needs} is not right, which it needs: {why}")]
    Skipped {
        /// That one.
        needs: Name,
        /// What is wrong with it.
        why: String,
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
    /// Part of it was left as it is; the rest is right.
    Partly {
        /// How much was changed.
        changed: usize,
        /// What was left, and why.
        left_out: Vec<Refusal>,
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
pub type Witness<'w> = &'w mut dyn FnMut(&Name, Told<'_>);

/// Who says whether a change of an item may be made.
pub type Agreed<'a> = &'a dyn Fn(&Name, &HostChange) -> bool;

impl Setup {
    /// Takes a host and its items, in their order.
    pub fn new(host: Host, items: Vec<Box<dyn Item>>, now: fn() -> String) -> Self {
        Self { host, items, unasked: Vec::new(), now, resumed_by: None }
    }

    /// Says what is typed to go on after a reboot: then systemd types it.
    #[must_use]
    pub fn resumed_by(self, argv: Vec<String>) -> Self {
        Self { resumed_by: Some(argv), ..self }
    }

    /// Returns the names of the items.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.items.iter().map(|item| Name::of(item.as_ref()))
    }

    /// Keeps only the items of these names. Those they need are looked at, and left as they are.
    #[must_use]
    pub fn only(self, names: &[String]) -> Self {
        let is_asked = |item: &dyn Item| names.iter().any(|name| Name::of(item).is(name));
        let (items, unasked): (Vec<_>, Vec<_>) =
            self.items.into_iter().partition(|item| is_asked(item.as_ref()));
        Self { items, unasked, ..self }
    }

    /// Returns what is not right of what the items need and nobody asked for.
    fn missing(&self) -> Vec<Gone> {
        let mut gone: Vec<Gone> = Vec::new();
        for item in &self.unasked {
            let name = Name::of(item.as_ref());
            let is_needed = self.items.iter().chain(&self.unasked);
            if !is_needed.flat_map(|item| item.needs()).any(|needed| *needed == name.item) {
                continue;
            }
            match self.look(item.as_ref(), &gone) {
                Ok(look) if look.changes.is_empty() => {}
                Ok(_) => {
                    let why = format!("it is not as configured; `--only {name}` makes it so");
                    gone.push(Gone { name: name.clone(), root: name, why });
                }
                Err(blocked) => gone.push(blocked.gone(&name)),
            }
        }
        gone
    }

    /// Looks at everything, and changes nothing.
    pub fn plan(&self) -> Vec<Seen> {
        let folder = self.host.at(FOLDER);
        let mut seen: Vec<Seen> = Vec::new();
        let mut gone = self.missing();
        for item in &self.items {
            let name = Name::of(item.as_ref());
            // What an item needs may be missing as well: then it is foreseen as well as can be.
            let look = self.look(item.as_ref(), &gone);
            gone.extend(look.as_ref().err().map(|blocked| blocked.gone(&name)));
            let settle = look.as_ref().ok().and_then(|look| look.settle.clone());
            let is_changed = look.as_ref().is_ok_and(|look| !look.changes.is_empty());
            let unsettled = settle.filter(|settle| {
                is_changed || !state::is_settled(&folder, &name.to_string(), &settle.digest)
            });
            seen.push(Seen { name, about: item.about(), look, unsettled });
        }
        seen
    }

    /// Looks whether everything is as configured and works.
    pub fn verify(&self) -> Vec<(Name, Vec<Check>)> {
        let look = |item: &dyn Item| {
            Check::of(
                "is as configured",
                item.look(&self.host).map(|look| {
                    let first = look.changes.first().map(|change| change.act.to_string());
                    let left = look.left_out.first().map(ToString::to_string);
                    match (look.changes.len(), first) {
                        (0, _) | (_, None) => left.or(look.reboot),
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
        let named = |item: &dyn Item| (Name::of(item), checked(item));
        self.items.iter().map(|item| named(item.as_ref())).collect()
    }

    /// Looks at an item, where these are not right.
    fn look(&self, item: &dyn Item, gone: &[Gone]) -> Result<Look, Blocked> {
        let mut parts = Vec::new();
        for gone in gone.iter().filter(|gone| item.needs().contains(&gone.name.item)) {
            match (&gone.name.part, item.part()) {
                (Some(part), Some(own)) if part != own => {}
                (Some(_), None) => parts.push(gone.clone()),
                (Some(_) | None, _) => return Err(Blocked::by(gone)),
            }
        }
        let Some(first) = parts.first() else { return Ok(item.look(&self.host)?) };
        match item.look_without(&self.host, &parts) {
            Some(look) => Ok(look?),
            None => Err(Blocked::by(first)),
        }
    }

    /// Makes everything so, but for what nobody agreed to.
    pub fn run(
        &self,
        agreed: Agreed<'_>,
        told: Witness<'_>,
    ) -> Result<Vec<(Name, Ended)>, StateError> {
        let mut state = State::open(&self.host)?;
        let boot = self.host.line("/proc/sys/kernel/random/boot_id").ok().flatten();
        let boot = boot.unwrap_or_default();
        let mut ended: Vec<(Name, Ended)> = Vec::new();
        let mut gone = self.missing();
        for item in &self.items {
            let name = Name::of(item.as_ref());
            let end = self.work(item.as_ref(), &gone, &mut state, &boot, agreed, told)?;
            let (what, why) = match &end {
                Ended::Same | Ended::Changed(_) => ("done", None),
                Ended::Partly { left_out, .. } => {
                    ("partly", left_out.first().map(ToString::to_string))
                }
                Ended::Reboot { why, .. } => ("awaiting-reboot", Some(why.clone())),
                Ended::Blocked(blocked) => ("blocked", Some(blocked.to_string())),
                Ended::Failed(err) => ("failed", Some(err.to_string())),
            };
            self.note(&mut state, &boot, &name, what, None, why.as_deref())?;
            told(&name, Told::Ends(&end));
            gone.extend(end.gone(&name));
            ended.push((name, end));
        }
        if let Some(argv) = &self.resumed_by {
            let is_awaited = ended.iter().any(|(_, end)| matches!(end, Ended::Reboot { .. }));
            if let Err(err) = resume::arrange(&self.host, &state, argv, is_awaited) {
                let change = "have setup go on after the reboot".to_owned();
                let end = Ended::Failed(RunError::Unmade { change, err });
                let name = Name { item: "resume", part: None };
                told(&name, Told::Ends(&end));
                ended.push((name, end));
            }
        }
        Ok(ended)
    }

    fn work(
        &self,
        item: &dyn Item,
        gone: &[Gone],
        state: &mut State,
        boot: &str,
        agreed: Agreed<'_>,
        told: Witness<'_>,
    ) -> Result<Ended, StateError> {
        let name = &Name::of(item);
        let settled = &name.to_string();
        let mut made: Vec<HostChange> = Vec::new();
        let look = loop {
            let look = match self.look(item, gone) {
                Ok(look) => look,
                Err(blocked) => return Ok(Ended::Blocked(blocked)),
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
                state.unsettle(settled)?;
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
            && !state.is_settled(settled, &settle.digest)
        {
            told(name, Told::Settles(settle));
            for run in &settle.runs {
                self.note(state, boot, name, "settling", Some(&Act::Run(run.clone())), None)?;
                if let Err(err) = apply::run(&self.host, state, run) {
                    let change = format!("have it count by `{run}`");
                    return Ok(Ended::Failed(RunError::Unmade { change, err }));
                }
            }
            state.settle(settled, &settle.digest)?;
        }
        let left_out = look.left_out;
        Ok(match (look.reboot, made.len()) {
            (_, changed) if !left_out.is_empty() => Ended::Partly { changed, left_out },
            (Some(why), changed) => Ended::Reboot { changed, why },
            (None, 0) => Ended::Same,
            (None, changed) => Ended::Changed(changed),
        })
    }

    fn note(
        &self,
        state: &mut State,
        boot: &str,
        item: &Name,
        what: &str,
        change: Option<&Act>,
        why: Option<&str>,
    ) -> Result<(), StateError> {
        let change = change.map(ToString::to_string);
        let item = item.to_string();
        state.note(&Line { at: (self.now)(), boot, item: &item, what, change, why })
    }
}

impl Ended {
    /// Says whether what needs it may go on.
    pub fn is_right(&self) -> bool {
        match self {
            Self::Same | Self::Changed(_) => true,
            Self::Partly { .. } | Self::Reboot { .. } | Self::Blocked(_) | Self::Failed(_) => false,
        }
    }

    /// Returns what is told to those who need it, where it is not right.
    fn gone(&self, name: &Name) -> Option<Gone> {
        let why = match self {
            Self::Same | Self::Changed(_) => return None,
            Self::Blocked(blocked) => return Some(blocked.gone(name)),
            Self::Partly { left_out, .. } => left_out.first()?.to_string(),
            Self::Reboot { why, .. } => why.clone(),
            Self::Failed(err) => match std::error::Error::source(err) {
                Some(cause) => format!("{err}: {cause}"),
                None => err.to_string(),
            },
        };
        Some(Gone { name: name.clone(), root: name.clone(), why })
    }
}

impl Blocked {
    /// Says that an item is skipped for another.
    fn by(gone: &Gone) -> Self {
        Self::Skipped { needs: gone.root.clone(), why: gone.why.clone() }
    }

    /// Returns what is told to those who need what is blocked.
    fn gone(&self, name: &Name) -> Gone {
        let (root, why) = match self {
            Self::Refused(refusal) => (name.clone(), refusal.to_string()),
            Self::Skipped { needs, why } => (needs.clone(), why.clone()),
        };
        Gone { name: name.clone(), root, why }
    }
}

impl Seen {
    /// Says whether there is something to do about it.
    pub fn is_right(&self) -> bool {
        self.unsettled.is_none()
            && self.look.as_ref().is_ok_and(|look| {
                look.changes.is_empty() && look.reboot.is_none() && look.left_out.is_empty()
            })
    }

    /// Returns what the dearest of its changes costs.
    pub fn impact(&self) -> Impact {
        let changes = self.look.as_ref().map(|look| look.changes.as_slice()).unwrap_or_default();
        changes.iter().map(|change| change.impact).max().unwrap_or(Impact::Live)
    }
}
