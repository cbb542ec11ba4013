//! What is done to a field, a file each. The numbers are those of the table in docs/reliability.md.

mod bits;
mod boundaries;
mod clocks;
mod cut;
mod everything;
mod foreign;
mod frozen;
mod hands;
mod logs;
mod machine;
mod secrets;
mod servers;
mod submitters;
mod tools;
mod workers;

use std::pin::Pin;

use crate::dice::Dice;
use crate::field::Field;
use crate::invariants::{Allowed, Breach};

/// What a run finds besides what is always looked for.
pub(crate) type Found<'f> = Pin<Box<dyn Future<Output = Vec<Breach>> + 'f>>;

/// One row of the table.
pub(crate) struct Row {
    pub(crate) number: u16,
    pub(crate) fault: &'static str,
    pub(crate) what: What,
}

/// What is done for it.
pub(crate) enum What {
    /// Runs.
    Runs {
        /// How many of a sample.
        sampled: u64,
        /// How many of a night.
        night: u64,
        /// What is not held against it.
        allowed: Allowed,
        /// One run.
        run: for<'f> fn(&'f mut Field, &'f mut Dice) -> Found<'f>,
    },
    /// Nothing, for this reason.
    NotRun(&'static str),
}

const fn runs(
    number: u16,
    fault: &'static str,
    (sampled, night): (u64, u64),
    allowed: Allowed,
    run: for<'f> fn(&'f mut Field, &'f mut Dice) -> Found<'f>,
) -> Row {
    Row { number, fault, what: What::Runs { sampled, night, allowed, run } }
}

const fn not_run(number: u16, fault: &'static str, why: &'static str) -> Row {
    Row { number, fault, what: What::NotRun(why) }
}

const NOTHING: Allowed =
    Allowed { failing: false, meddling: false, destroying: false, other_log: false };

const FAILING: Allowed = Allowed { failing: true, ..NOTHING };

/// Returns all rows, by their numbers.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = killed();
    rows.extend(disturbed());
    rows.extend(on_machines());
    rows.sort_by_key(|row| row.number);
    rows
}

/// Programs that are killed, or stand still.
fn killed() -> Vec<Row> {
    let in_cluster = "tried by tests/it/cluster, with every change";
    vec![
        runs(1, "the worker dies at a point of every change", (2, 30), NOTHING, |field, dice| {
            Box::pin(boundaries::every(field, dice))
        }),
        runs(
            2,
            "the worker dies at several points of a few changes",
            (4, 400),
            NOTHING,
            |field, dice| Box::pin(boundaries::some(field, dice)),
        ),
        runs(3, "kill -9 of workers at any time", (4, 500), NOTHING, |field, dice| {
            Box::pin(workers::killed(field, dice))
        }),
        runs(4, "kill -9 of who submits", (2, 200), NOTHING, |field, dice| {
            Box::pin(submitters::killed(field, dice))
        }),
        runs(5, "kill -9 of nats-server", (3, 300), NOTHING, |field, dice| {
            Box::pin(servers::killed(field, dice))
        }),
        not_run(6, "servers of a cluster are lost, cut off, stand still", in_cluster),
        runs(
            12,
            "SIGSTOP of a worker for longer than it may, another one comes",
            (2, 200),
            NOTHING,
            |field, dice| Box::pin(frozen::worker(field, dice)),
        ),
        runs(30, "SIGSTOP of nats-server", (1, 100), NOTHING, |field, dice| {
            Box::pin(frozen::server(field, dice))
        }),
        not_run(25, "an upgrade and back under load", "tried by `cargo xtask upgrade`"),
    ]
}

/// Logs, messages, tools and people that are not as they should be.
fn disturbed() -> Vec<Row> {
    let other_log = Allowed { other_log: true, meddling: true, ..NOTHING };
    let meddling = Allowed { meddling: true, ..FAILING };
    let destroying = Allowed { destroying: true, ..NOTHING };
    let anything = Allowed { destroying: true, meddling: true, ..FAILING };
    vec![
        runs(
            9,
            "the log is wiped, or set back to an old copy",
            (2, 100),
            other_log,
            |field, dice| Box::pin(logs::lost(field, dice)),
        ),
        runs(
            34,
            "a log that was set back asks for what destroys",
            (1, 50),
            other_log,
            |field, dice| Box::pin(logs::backwards(field, dice)),
        ),
        runs(13, "a tool hangs", (2, 100), NOTHING, |field, dice| {
            Box::pin(tools::hang(field, dice))
        }),
        runs(
            14,
            "a tool fails, lies, loses its answer, finds a lock or no room",
            (4, 400),
            NOTHING,
            |field, dice| Box::pin(tools::fail(field, dice)),
        ),
        runs(
            15,
            "wake-up tokens come 2 to 50 times, late, in any order",
            (1, 100),
            NOTHING,
            |field, dice| Box::pin(foreign::tokens(field, dice)),
        ),
        runs(
            16,
            "messages that are not ours",
            (2, 100),
            Allowed { other_log: true, ..NOTHING },
            |field, dice| Box::pin(foreign::messages(field, dice)),
        ),
        runs(21, "somebody else stops and removes guests", (2, 200), meddling, |field, dice| {
            Box::pin(hands::others(field, dice))
        }),
        runs(31, "a guest becomes somebody else's", (1, 100), FAILING, |field, dice| {
            Box::pin(hands::foreign(field, dice))
        }),
        not_run(22, "a guest dies in the middle of what is run in it", "takes real containers"),
        runs(23, "cancelled in the middle", (2, 200), NOTHING, |field, dice| {
            Box::pin(hands::cancels(field, dice))
        }),
        runs(
            35,
            "wanted otherwise in the middle, again and again",
            (1, 100),
            NOTHING,
            |field, dice| Box::pin(hands::otherwise(field, dice)),
        ),
        runs(32, "deleted in the middle", (2, 200), destroying, |field, dice| {
            Box::pin(hands::deletes(field, dice))
        }),
        runs(
            24,
            "200 operations on 20 guests (of a sample 40), random faults",
            (1, 40),
            anything,
            |field, dice| Box::pin(everything::at_once(field, dice)),
        ),
    ]
}

/// Machines that have not what they should have.
fn on_machines() -> Vec<Row> {
    let other_log = Allowed { other_log: true, meddling: true, ..NOTHING };
    vec![
        runs(
            7,
            "the machine of nats-server loses its power (ext4)",
            (1, 100),
            NOTHING,
            |field, dice| Box::pin(machine::power(field, dice)),
        ),
        runs(
            8,
            "the machine of a worker loses its power (ext4)",
            (1, 100),
            NOTHING,
            |field, dice| Box::pin(machine::notes_power(field, dice)),
        ),
        runs(
            10,
            "bits of the log flip, or its end is cut off",
            (2, 200),
            other_log,
            |field, dice| Box::pin(bits::flip(field, dice)),
        ),
        runs(
            11,
            "a worker is cut off from NATS, in one direction or both",
            (2, 200),
            NOTHING,
            |field, dice| Box::pin(cut::off(field, dice)),
        ),
        runs(17, "the disk of nats-server is full", (1, 50), NOTHING, |field, dice| {
            Box::pin(machine::full(field, dice))
        }),
        runs(33, "the disk of a worker's notes is full", (1, 50), NOTHING, |field, dice| {
            Box::pin(machine::notes_full(field, dice))
        }),
        runs(
            18,
            "the disk of a worker's notes gives errors (EIO)",
            (1, 50),
            NOTHING,
            |field, dice| Box::pin(machine::notes_broken(field, dice)),
        ),
        runs(
            19,
            "the clock of a worker jumps, stands still, or runs",
            (2, 200),
            NOTHING,
            |field, dice| Box::pin(clocks::jump(field, dice)),
        ),
        runs(
            20,
            "a worker has next to no descriptors, or memory",
            (2, 100),
            NOTHING,
            |field, dice| Box::pin(machine::limits(field, dice)),
        ),
        runs(
            26,
            "a secret, on a made-up Proxmox node whose workers die and whose commands fail",
            (2, 200),
            FAILING,
            |field, dice| Box::pin(secrets::kept(field, dice)),
        ),
        not_run(27, "a model of the protocol", "explored by tests/protocol, with every change"),
        not_run(28, "mutations", "a day of compiling; nobody has made it a task yet"),
    ]
}
