//! `phoenix feature test`: features in containers that are thrown away.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use phoenix_lab::{
    Lab, RELEASE, Reach, Standard, Subject, Told, Trial, kept, remove_kept, subject,
};
use tokio_util::sync::CancellationToken;

use super::archive::{self, USUAL};
use super::error::FeatureError;

/// How everything is called that a trial leaves behind when it is killed, or told to.
const PREFIX: &str = "phoenix-trial";
/// What it ends with when a feature did not pass.
const FAILED: u8 = 1;

/// What `feature test` takes.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The features, each tried in a container of its own with all it needs
    #[arg(value_name = "NAME", required_unless_present = "remove_kept")]
    names: Vec<String>,
    /// Folder with features, before /etc/phoenix/features, ./features of the repository and
    /// /usr/share/phoenix/features; may be given again, the first that has one wins
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    features: Vec<PathBuf>,
    /// What containers are made of; else a Debian in /var/cache/phoenix, which is made when it is not
    /// there
    #[arg(long, env = "PHOENIX_DEBIAN_ARCHIVE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    archive: Option<PathBuf>,
    /// Where containers take their room; else in memory where there is enough, or /var/tmp
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    room: Option<PathBuf>,
    /// Leave the containers, and say how to get into them
    #[arg(long)]
    keep: bool,
    /// Take away the containers that were left
    #[arg(long, conflicts_with_all = ["names", "keep"])]
    remove_kept: bool,
}

impl Test {
    pub(super) async fn run(&self, shutdown: CancellationToken) -> Result<u8, FeatureError> {
        let room = super::room(self.room.as_ref());
        if self.remove_kept {
            for left in kept(PREFIX, &room) {
                remove_kept(&left)?;
                crate::say(&format!("{} is gone", left.name()));
            }
            return Ok(0);
        }
        let subjects: Result<Vec<_>, _> =
            self.names.iter().map(|name| subject(name, &self.features)).collect();
        let subjects = subjects?;
        let archive = self.archive(&room, &shutdown).await?;
        let mut lab = Lab::make(PREFIX, &room, Reach::Internet)?;
        let ended = tokio::select! {
            tried = self.try_all(&lab, &subjects, &archive) => tried,
            () = shutdown.cancelled() => Err(FeatureError::Interrupted),
        };
        if self.keep && !matches!(ended, Err(FeatureError::Interrupted)) {
            let kept = lab.keep()?;
            crate::say(&format!(
                "{} is left as it is; `phoenix feature test --remove-kept` takes it away",
                kept.name()
            ));
            return ended;
        }
        match (ended, lab.remove()) {
            // Who reads that everything is gone must be able to believe it.
            (Ok(_) | Err(FeatureError::Interrupted), Err(err)) => Err(err.into()),
            (ended, Ok(()) | Err(_)) => ended,
        }
    }

    /// Returns the archive that containers are made of.
    async fn archive(
        &self,
        room: &Path,
        shutdown: &CancellationToken,
    ) -> Result<PathBuf, FeatureError> {
        let usual = Path::new(USUAL).join(format!("debian-{RELEASE}.tar.zst"));
        let archive = path::absolute(self.archive.as_ref().unwrap_or(&usual))?;
        if archive.is_file() {
            return Ok(archive);
        }
        if self.archive.is_some() {
            return Err(FeatureError::NoArchive { path: archive });
        }
        archive::make(&archive, room, shutdown).await?;
        Ok(archive)
    }

    async fn try_all(
        &self,
        lab: &Lab,
        subjects: &[Subject],
        archive: &Path,
    ) -> Result<u8, FeatureError> {
        let mut trial = Trial::begin(lab, archive).await?;
        let mut failed = Vec::new();
        for subject in subjects {
            let mut written: io::Result<()> = Ok(());
            let mut tell = |told: Told<'_>| {
                if written.is_ok() {
                    written = print(&text(&told));
                }
            };
            let has_passed = trial.of(subject, self.keep, &mut tell).await?;
            written?;
            if !has_passed {
                failed.push(subject.name());
            }
        }
        print(&summary(subjects, &failed))?;
        Ok(if failed.is_empty() { 0 } else { FAILED })
    }
}

fn text(told: &Told<'_>) -> String {
    match told {
        Told::Begun(subject) => {
            let below = subject.below();
            let needs = if below.is_empty() {
                String::new()
            } else {
                format!(", which needs {}", below.join(", "))
            };
            let with = if subject.has_stand_ins() {
                "; with stand-ins: what it really installs is not tried"
            } else {
                ""
            };
            format!("{}{needs}{with}\n", subject.name())
        }
        Told::Passed { step, took, note } => {
            let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("  {}/5 {}{note}  ({})\n", number(*step), passed(*step), seconds(*took))
        }
        Told::Failed { step, why, more } => {
            let mut text = format!("  {}/5 FAILED: {why}\n", number(*step));
            for line in *more {
                // A String takes everything that is written to it.
                let _written = writeln!(text, "      {line}");
            }
            text
        }
        Told::Container { enter } => format!("  its container: {enter}\n"),
    }
}

fn number(step: Standard) -> usize {
    Standard::ALL.iter().position(|one| *one == step).unwrap_or_default() + 1
}

fn passed(step: Standard) -> &'static str {
    match step {
        Standard::Written => "all files are there, and shellcheck is silent",
        Standard::Installed => "installed, and it works",
        Standard::Again => "installed again, and nothing changed",
        Standard::Broken => "broken, and check.sh says so",
        Standard::Mended => "installed once more, and it works again",
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

fn summary(subjects: &[Subject], failed: &[&str]) -> String {
    let all = subjects.len();
    match (all, failed.len()) {
        (1, 0) => "passed\n".to_owned(),
        (all, 0) => format!("all {all} passed\n"),
        (all, _) => format!("{} of {all} failed: {}\n", failed.len(), failed.join(", ")),
    }
}

/// Writes what was asked for; whoever reads it may have had enough, and the trial goes on.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
