//! What was done to a simulated host: one line for the begin and one for the end of every effect.

use std::process;

use phoenix_domain::{Change, GuestKey};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::HostError;

const FILE: &str = "ledger.jsonl";

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The guest.
    pub guest: GuestKey,
    /// What happened to the change.
    pub mark: Mark,
    /// The kind of change.
    pub kind: String,
    /// The change.
    pub change: Change,
    /// The process that made it.
    pub pid: u32,
}

/// What happened to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It was begun. Without an end it was cut off, and its effect may be there or not.
    Begun,
    /// Its effect is there.
    Done,
    /// It was begun, and its effect is not there.
    Failed,
}

/// Adds one line.
pub(super) fn write(
    folder: &Folder,
    guest: GuestKey,
    change: &Change,
    mark: Mark,
) -> Result<(), HostError> {
    let entry = Entry {
        guest,
        mark,
        kind: change.kind().to_owned(),
        change: change.clone(),
        pid: process::id(),
    };
    let mut line = serde_json::to_vec(&entry).map_err(|err| unreadable(&err))?;
    line.push(b'\n');
    folder.append(FILE, &line)
}

/// Returns all lines, oldest first.
pub(super) fn read(folder: &Folder) -> Result<Vec<Entry>, HostError> {
    let text = folder.text(FILE)?;
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().map_err(|err| unreadable(&err))
}

fn unreadable(err: &serde_json::Error) -> HostError {
    HostError::Unreadable { what: FILE.to_owned(), why: err.to_string() }
}

/// Returns the effects that were made although they were there already.
///
/// An effect is there from its end in the ledger until another one of the same guest undoes it.
pub fn twice(ledger: &[Entry]) -> Vec<&Entry> {
    let done: Vec<_> = ledger.iter().filter(|entry| entry.mark == Mark::Done).collect();
    // Who was killed before the snapshot was gone goes back once more, and nothing ran since.
    let counts = |entry: &Entry| !matches!(entry.change, Change::RollBack { .. });
    done.iter()
        .enumerate()
        .filter(|(_, entry)| counts(entry))
        .filter(|(nth, entry)| {
            let before = done.iter().take(*nth).rev().filter(|old| old.guest == entry.guest);
            let since: Vec<_> = before.take_while(|old| old.change != entry.change).collect();
            let was_there = done
                .iter()
                .take(*nth)
                .any(|old| old.guest == entry.guest && old.change == entry.change);
            was_there && !since.iter().any(|between| undoes(&between.change, &entry.change))
        })
        .map(|(_, entry)| *entry)
        .collect()
}

/// Says whether the second change is to be made again after the first.
fn undoes(first: &Change, second: &Change) -> bool {
    match first {
        // It is another guest now.
        Change::Create { .. }
        | Change::RemoveHalfMade
        | Change::RollBack { .. }
        | Change::SetAside { .. }
        | Change::Destroy { .. } => true,
        Change::SetProperties { .. } => {
            matches!(second, Change::SetProperties { .. } | Change::Restart)
        }
        Change::Attach { .. } | Change::Detach { .. } | Change::GrowVolume { .. } => matches!(
            second,
            Change::Attach { .. } | Change::Detach { .. } | Change::GrowVolume { .. }
        ),
        Change::Start | Change::Restart | Change::Stop => matches!(
            second,
            Change::Start
                | Change::Restart
                | Change::Stop
                | Change::AwaitAgent
                | Change::CleanForTemplate
        ),
        Change::SetUpService { .. } => matches!(second, Change::SetUpService { .. }),
        Change::RunApplicationScript { .. } => {
            matches!(second, Change::RunApplicationScript { .. })
        }
        Change::RestartServices => matches!(second, Change::RestartServices),
        Change::ForgetApplication => matches!(second, Change::ForgetApplication),
        Change::TakeSnapshot { .. } | Change::RemoveSnapshot { .. } => {
            matches!(second, Change::TakeSnapshot { .. } | Change::RemoveSnapshot { .. })
        }
        Change::GrowRootDisk { .. }
        | Change::AwaitAgent
        | Change::InstallFeature { .. }
        | Change::AwaitHealthy
        | Change::CleanForTemplate
        | Change::ConvertToTemplate { .. }
        | Change::Adopt => false,
    }
}
