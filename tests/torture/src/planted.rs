//! Bugs on purpose: each has to be found, and by which row after how many runs is told.
//!
//! A suite that finds nothing has found nothing out; this one is asked what it would have found.

use std::fmt::Write as _;

use crate::dice::seed_of;
use crate::play::play;
use crate::programs::Programs;
use crate::rows::Row;

/// How many runs of its rows a bug is looked for in.
const MOST: u64 = 8;

/// A bug on purpose.
pub(crate) struct Planted {
    /// What `PHOENIX_PLANTED` calls it.
    name: &'static str,
    what: &'static str,
    /// The rows it is looked for by, which have to do with it.
    rows: &'static [u16],
}

const fn bug(name: &'static str, what: &'static str, rows: &'static [u16]) -> Planted {
    Planted { name, what, rows }
}

/// All of them.
pub(crate) const ALL: [Planted; 17] = [
    bug("tells-before-effect", "the end is told before anything is done", &[3]),
    bug("no-lock", "no lock is between two workers of a host", &[12, 3]),
    bug("no-compare-and-set", "events are written wherever the log ends", &[35]),
    bug("drops-on-timeout", "what was not acknowledged is taken for written", &[17, 11, 5]),
    bug("trusts-exit-status", "what a tool says to have done is not looked at", &[14]),
    bug("no-group-kill", "a tool that is over its time is left alone", &[13]),
    bug("no-deadline", "a tool may take an hour", &[13]),
    bug("wall-clock-deadline", "a tool may take until it is so late by the clock", &[19]),
    bug("secret-on-argv", "what a script in a guest is told stands on a command line", &[26]),
    bug("undoes-what-was", "what failed is undone by removing the guest", &[14]),
    bug("repairs-blind", "what failed is made again without a look", &[14]),
    bug("trusts-record", "a guest that was asked for before is as it was asked for", &[23, 21]),
    bug("applies-twice", "a change is made twice", &[3]),
    bug("ignores-epoch", "a log that went backwards is believed", &[34]),
    bug("poison-blocks", "a message that is not ours is never passed over", &[16]),
    bug("everything-is-ours", "nobody's mark on a guest is looked at", &[31]),
    bug("gives-up-at-once", "what fails once is given up", &[14]),
];

/// Looks for each bug, or for one, and returns how many were not found, with the table of all.
pub(crate) fn hunt(
    only: Option<&str>,
    rows: &[Row],
    seed: u64,
    programs: &Programs,
    mut tell: impl FnMut(&str),
) -> (usize, String) {
    let mut table = String::from(
        "| bug | what it does | found by row | after runs | as |\n|---|---|--:|--:|---|\n",
    );
    let mut missed = 0;
    let looked_for = ALL.iter().filter(|bug| only.is_none_or(|only| only == bug.name));
    for Planted { name, what, rows: wanted } in looked_for {
        let wanted = wanted.iter().filter_map(|one| rows.iter().find(|row| row.number == *one));
        let runs = (0..MOST).flat_map(|nth| wanted.clone().map(move |row| (nth, row)));
        let found = runs.enumerate().find_map(|(count, (nth, row))| {
            let programs = Programs { planted: Some(name), ..programs.clone() };
            let played = play(row, seed_of(seed, row.number, nth), &programs)?;
            let breach = played.breaches.into_iter().next()?;
            Some((row.number, count + 1, breach))
        });
        let line = if let Some((row, count, breach)) = found {
            tell(&format!("{name}: found by row {row} in run {count}: {breach}"));
            format!("| {name} | {what} | {row} | {count} | {} |", breach.promise)
        } else {
            missed += 1;
            tell(&format!("{name}: NOT FOUND"));
            format!("| {name} | {what} | not found | | |")
        };
        writeln!(table, "{line}").unwrap();
    }
    (missed, table)
}
