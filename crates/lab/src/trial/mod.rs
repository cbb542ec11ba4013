//! The trial of a feature: the five steps that its standard asks for, in a real container.
//!
//! `subject` finds what is tried, `written` looks at it, `stand_ins` brings what cannot be there in
//! earnest, `traces` is what a second installation must leave alone, and `guest` the containers.

mod error;
mod guest;
mod stand_ins;
mod subject;
mod traces;
mod written;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backoff::ExponentialBuilder;
use phoenix_domain::{Body, Change, Goal, GuestSpec, Step, StepName};
use phoenix_engine::{Caution, Halt, Journal, Outcome, StepError, Taken, Walk};
use phoenix_hypervisor::lxc::Lxc;
use phoenix_hypervisor::{Hand, HostError, Library, Lock};

use self::error::{Flaw, Stop};
use self::stand_ins::{Cast, inside, plainly};
use self::traces::Traces;
use crate::error::LabError;
use crate::place::{Lab, tools};
use crate::process::{Ended, last_line};

pub use self::error::TrialError;
pub use self::subject::{Subject, subject};

/// What looks at scripts, and what Debian calls it.
const SHELLCHECK: [(&str, &str); 1] = [("/usr/bin/shellcheck", "shellcheck")];
/// Waits for the end of booting, two minutes at most.
const BOOTED: &str = "n=0; \
    case $(readlink /sbin/init 2>/dev/null) in *systemd) \
    while [ $n -lt 600 ]; do \
    case $(systemctl is-system-running 2>/dev/null) in running|degraded|maintenance) break ;; esac; \
    n=$((n+1)); sleep 0.2; done ;; esac";
/// Where the cards of a host are shown, where it has some.
const CARDS: &str = "/proc/driver/nvidia/gpus";

/// What a feature is measured by, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// All files are there, and shellcheck has nothing to say.
    Written,
    /// `install.sh` ends with 0, and `check.sh` then.
    Installed,
    /// `install.sh` again, and nothing changed.
    Again,
    /// `test/break.sh`, and `check.sh` says so.
    Broken,
    /// `install.sh` once more, and `check.sh` is content.
    Mended,
}

/// What is told of a trial as it goes on.
#[derive(Debug)]
pub enum Told<'t> {
    /// It begins.
    Begun(&'t Subject),
    /// A step was passed.
    Passed {
        /// Which.
        step: Standard,
        /// How long it took.
        took: Duration,
        /// What there is to say about it.
        note: Option<String>,
    },
    /// A step was not passed, and with it the trial.
    Failed {
        /// Which.
        step: Standard,
        /// Why, in one sentence.
        why: &'t str,
        /// What was printed or found.
        more: &'t [String],
    },
    /// The container is there for somebody to look at.
    Container {
        /// What is typed to get into it.
        enter: String,
    },
}

/// A lab in which features are tried, one after the other, each in a container of its own.
#[derive(Debug)]
pub struct Trial<'l> {
    lab: &'l Lab,
    tried: u8,
}

/// One container and what is done in it.
struct Course<'l> {
    lab: &'l Lab,
    guest: u64,
    want: GuestSpec,
    host: Lxc,
    /// Of each feature with stand-ins, what they change.
    casts: Vec<(String, Cast)>,
}

impl Standard {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Written, Self::Installed, Self::Again, Self::Broken, Self::Mended];
}

impl<'l> Trial<'l> {
    /// Makes what the containers are cloned from.
    pub async fn begin(lab: &'l Lab, archive: &Path) -> Result<Self, TrialError> {
        tools(&SHELLCHECK)?;
        let base = guest::base(&archive.display().to_string()).map_err(LabError::from)?;
        let host = open(lab, Vec::new())?;
        // It is only a file system: nothing of it has to run.
        let mut way = Goal::Present.way(&base, None);
        way.retain(|step| {
            !matches!(step.name(), StepName::StartContainer | StepName::RunHealthCheck)
        });
        walk(lab, &host, &base, way).await.map_err(|err| match err {
            Stuck::Host(err) => LabError::from(err),
            Stuck::Step(why, _) => LabError::Host(HostError::Failed {
                what: "making the container that others are cloned from".to_owned(),
                why,
                output: String::new(),
            }),
        })?;
        Ok(Self { lab, tried: 0 })
    }

    /// Takes a feature through the five steps; says whether it has passed them all. Its container
    /// ends, unless it is kept.
    pub async fn of(
        &mut self,
        subject: &Subject,
        is_kept: bool,
        tell: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<bool, TrialError> {
        tell(Told::Begun(subject));
        let nth = self.tried;
        self.tried = self.tried.saturating_add(1);
        let want = guest::of(nth, subject.name()).map_err(LabError::from)?;
        let mut course = Course {
            lab: self.lab,
            guest: u64::from(want.vmid.number()),
            want,
            host: open(self.lab, Vec::new())?,
            casts: Vec::new(),
        };
        let mut has_passed = true;
        for step in Standard::ALL {
            let begun = Instant::now();
            match course.take(step, subject).await {
                Ok(note) => tell(Told::Passed { step, took: begun.elapsed(), note }),
                Err(Stop::Flaw(Flaw { why, more })) => {
                    tell(Told::Failed { step, why: &why, more: &more });
                    has_passed = false;
                    break;
                }
                Err(Stop::Lab(err)) => return Err(err.into()),
            }
        }
        if is_kept {
            tell(Told::Container { enter: self.lab.inside(course.guest).join(" ") + " /bin/sh" });
        } else {
            self.lab.kill(course.guest);
        }
        Ok(has_passed)
    }
}

impl Course<'_> {
    async fn take(&mut self, step: Standard, subject: &Subject) -> Result<Option<String>, Stop> {
        let name = subject.name();
        match step {
            Standard::Written => written::check(&subject.feature).await.map(|()| None),
            Standard::Installed => {
                self.set_up(subject).await?;
                self.arrive(name).await?;
                match self.arrive(name).await? {
                    0 => Ok(None),
                    _ => {
                        Err(Flaw::new(format!("{name} was installed, and left no receipt")).into())
                    }
                }
            }
            Standard::Again => {
                let before = Traces::of(self.lab, self.guest).await?;
                self.install_again(name).await?;
                let changed = before.changed(&Traces::of(self.lab, self.guest).await?);
                if changed.is_empty() {
                    return Ok(None);
                }
                let mut flaw = Flaw::new("installed a second time, it changes something");
                flaw.more = changed;
                Err(flaw.into())
            }
            Standard::Broken => self.break_it(subject).await.map(Some),
            Standard::Mended => {
                self.install_again(name).await?;
                match self.host.check_features(&self.want, &Hand::default()).await {
                    Ok(()) => Ok(None),
                    Err(err) => Err(flaw("check.sh still finds it broken", &err).into()),
                }
            }
        }
    }

    /// Starts the container, brings what stands in for others, and says what is wanted of it.
    async fn set_up(&mut self, subject: &Subject) -> Result<(), Stop> {
        let name = subject.name();
        if let Body::Container(container) = &mut self.want.body {
            for folder in subject.all() {
                let options = folder.manifest.needs_options.iter();
                let options =
                    options.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
                container.options.extend(options);
            }
        }
        let needs_card = subject.all().any(|folder| folder.manifest.needs_gpu);
        if needs_card && Path::new(CARDS).is_dir() {
            self.want.gpus = "0".parse().map_err(LabError::from)?;
        }
        self.arrive(name).await?;
        self.boot().await?;
        let stage = self.lab.base().join("features").join(self.guest.to_string());
        // What was made for the trial is found before what it was made of.
        let (mut folders, mut others) = (Vec::new(), Vec::new());
        for folder in subject.all() {
            let feature = folder.manifest.name.clone();
            match folder.stand_ins() {
                Some(programs) => {
                    let cast = Cast::bring(self.lab, self.guest, folder, &programs).await?;
                    folders.push(cast.stage(folder, &stage)?);
                    if !cast.parameters.is_empty() {
                        self.want.parameters.insert(feature.clone(), cast.parameters.clone());
                    }
                    self.casts.push((feature.to_string(), cast));
                }
                None => others.extend(folder.path.parent().map(Path::to_path_buf)),
            }
            self.want.features.push(feature);
        }
        // Who has no shell files beside it shares those of others.
        let libs = subject.all().filter_map(|folder| folder.lib.as_ref()?.parent());
        folders.append(&mut others);
        folders.extend(libs.map(Path::to_path_buf));
        self.host = open(self.lab, folders)?;
        Ok(())
    }

    /// Waits until it has booted: what is asked of systemd before has no answer.
    async fn boot(&self) -> Result<(), LabError> {
        inside(self.lab, self.guest, BOOTED, &[]).await.map(drop)
    }

    async fn break_it(&self, subject: &Subject) -> Result<String, Stop> {
        let name = subject.name();
        let broken = self.test(subject, "test/break.sh").await?;
        if broken.code != Some(0) {
            let why = format!("test/break.sh could not break it: {}", last_line(&broken.err));
            return Err(Flaw::with(why, &broken.err).into());
        }
        let Err(err) = self.host.check_features(&self.want, &Hand::default()).await else {
            let why = "test/break.sh broke it, and check.sh finds nothing";
            return Err(Flaw::new(why).into());
        };
        let output = err.output().unwrap_or_default();
        // The line of a feature begins with its name; what stands on it may be broken with it.
        let said = output.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        match said.map(str::trim) {
            Some("") => Err(Flaw::new("check.sh fails, and says nothing on stderr").into()),
            Some(said) => Ok(said.to_owned()),
            None => {
                Err(flaw("it is broken, and something else than its check.sh says so", &err).into())
            }
        }
    }

    async fn test(&self, subject: &Subject, script: &str) -> Result<Ended, LabError> {
        let path = subject.feature.path.join(script);
        let cast = self.casts.iter().find(|(name, _)| name == subject.name());
        match cast {
            Some((_, cast)) => cast.run(self.lab, self.guest, &path).await,
            None => plainly(self.lab, self.guest, &path).await,
        }
    }

    /// Has a feature installed once more, as after a change of its scripts.
    async fn install_again(&self, name: &str) -> Result<(), Stop> {
        let receipt = format!("rm /var/lib/phoenix/receipts/feature-{name}");
        let gone = inside(self.lab, self.guest, &receipt, &[]).await?;
        if gone.code != Some(0) {
            return Err(Flaw::with("it has no receipt", &gone.err).into());
        }
        match self.arrive(name).await? {
            0 => Err(Flaw::new("it was not installed again").into()),
            _ => Ok(()),
        }
    }

    async fn arrive(&self, name: &str) -> Result<u32, Flaw> {
        let way = Goal::Present.way(&self.want, None);
        walk(self.lab, &self.host, &self.want, way).await.map_err(|stuck| match stuck {
            Stuck::Host(err @ HostError::Refused { .. }) => {
                let mut flaw = flaw("it refuses, with code 78", &err);
                flaw.more.push(format!(
                    "somebody has to mend first what it says; what a trial has to set for that, \
                     test/prepare.sh of {name} can print, and what cannot be here needs a stand-in"
                ));
                flaw
            }
            Stuck::Host(err) => flaw("it does not come so far", &err),
            Stuck::Step(why, output) => Flaw::with(why, &output),
        })
    }
}

/// Why a walk did not arrive.
enum Stuck {
    /// The driver failed, or what it ran.
    Host(HostError),
    /// Something else, and what was printed.
    Step(String, String),
}

async fn walk(
    lab: &Lab,
    host: &Lxc,
    want: &GuestSpec,
    way: Vec<Box<dyn Step>>,
) -> Result<u32, Stuck> {
    let lock = Lock::try_take(&lab.base().join(format!("{}.lock", want.vmid)));
    let lock = lock.map_err(|err| Stuck::Step(err.to_string(), String::new()))?;
    let walk = Walk {
        want,
        way: &way,
        host,
        journal: &Silent,
        hand: &Hand::holding([&lock]),
        caution: Caution::None,
        patience: ExponentialBuilder::default().with_max_times(0),
    };
    match walk.go().await {
        Outcome::Arrived { changes, .. } => Ok(changes),
        Outcome::Stuck { err: StepError::NotMade { err, .. } | StepError::Blind(err), .. } => {
            Err(Stuck::Host(err))
        }
        Outcome::Stuck { err, .. } => {
            Err(Stuck::Step(err.to_string(), err.output().unwrap_or_default().to_owned()))
        }
        Outcome::Halted { before, .. } => {
            Err(Stuck::Step(format!("it was halted before {before}"), String::new()))
        }
    }
}

fn open(lab: &Lab, features: Vec<PathBuf>) -> Result<Lxc, LabError> {
    let name = "lab".parse()?;
    let cell = "lab".parse()?;
    let library = Library { features, ..Library::default() };
    Ok(Lxc::open(&lab.machine(name, cell, library))?)
}

fn flaw(what: &str, err: &HostError) -> Flaw {
    Flaw::with(format!("{what}: {err}"), err.output().unwrap_or_default())
}

/// A journal that hears everything and stops nothing.
struct Silent;

impl Journal for Silent {
    async fn before(&self, _step: StepName, _change: &Change) -> Result<(), Halt> {
        Ok(())
    }

    fn stumbled(&self, _step: StepName, _change: &Change, _why: &str, _after: Duration) {}

    async fn taken(&self, _taken: Taken) -> Result<(), Halt> {
        Ok(())
    }
}
