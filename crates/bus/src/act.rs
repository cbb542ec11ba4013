//! What is done on the bus, as far as a server can permit the one and forbid the other.
//!
//! This is the one table of it: servers are configured from it, the page for people is written from it, and
//! what a server forbids is explained by it. A stream or a bucket that is in no line can be used by nobody.

use phoenix_domain::NodeName;

use crate::names::{
    ADVISORIES, CHANNELS, Cell, DEAD, DELIVERIES, DRAINS, HEALTH, HOSTS, LEASES, LIBRARY_STREAM,
    LIBRARY_SUBJECTS, LOG, PUSHES, WATCH, WORK,
};
use crate::subjects::{Subjects, listing, looking, reading, shelving, taking, unreading, writing};

/// What is done on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Reading what happened to guests.
    ReadLog,
    /// Writing what happens to guests, or what is asked of them.
    AppendToLog,
    /// Hearing what is said in guests.
    Listen,
    /// Telling what is said in guests.
    SpeakAloud,
    /// Putting tokens into the queue of a host.
    Wake,
    /// Taking the tokens of a host.
    TakeWork,
    /// Reading dead letters.
    ReadDead,
    /// Writing dead letters.
    FileDead,
    /// Removing dead letters.
    DiscardDead,
    /// Reading what is told of health.
    ReadHealth,
    /// Telling of health.
    TellHealth,
    /// Calling people.
    CallPeople,
    /// Reading how hosts are.
    ReadHosts,
    /// Telling how a host is.
    ReportHost,
    /// Reading which nodes are drained.
    ReadDrains,
    /// Draining nodes, and ending that.
    Drain,
    /// Asking workers.
    AskHosts,
    /// Answering for a host.
    AnswerForHost,
    /// Asking the health monitor.
    AskMonitor,
    /// Ordering the health monitor.
    OrderMonitor,
    /// Being the health monitor.
    ActAsMonitor,
    /// Reading which webhooks came.
    ReadDeliveries,
    /// Taking webhooks and pushes.
    TakeDeliveries,
    /// Reading what people are asked before something is done.
    ReadApprovals,
    /// Agreeing to what people are asked, or not.
    Decide,
    /// Bringing scripts and features along with guests.
    Bring,
    /// Fetching what was brought along, and removing it.
    Fetch,
    /// Looking whether streams and buckets are there, and making the queue anew.
    CheckSetUp,
    /// Making streams and buckets.
    SetUp,
    /// Copying streams and buckets, and putting copies in their place.
    Copy,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::ReadLog,
        Self::AppendToLog,
        Self::Listen,
        Self::SpeakAloud,
        Self::Wake,
        Self::TakeWork,
        Self::ReadDead,
        Self::FileDead,
        Self::DiscardDead,
        Self::ReadHealth,
        Self::TellHealth,
        Self::CallPeople,
        Self::ReadHosts,
        Self::ReportHost,
        Self::ReadDrains,
        Self::Drain,
        Self::AskHosts,
        Self::AnswerForHost,
        Self::AskMonitor,
        Self::OrderMonitor,
        Self::ActAsMonitor,
        Self::ReadDeliveries,
        Self::TakeDeliveries,
        Self::ReadApprovals,
        Self::Decide,
        Self::Bring,
        Self::Fetch,
        Self::CheckSetUp,
        Self::SetUp,
        Self::Copy,
    ];

    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ReadLog => "read what happened to guests",
            Self::AppendToLog => "write what happens to guests, or is asked of them",
            Self::Listen => "hear what is said in guests",
            Self::SpeakAloud => "tell what is said in guests",
            Self::Wake => "put guests into the queue of its host",
            Self::TakeWork => "take guests from the queue of its host",
            Self::ReadDead => "read dead letters",
            Self::FileDead => "write dead letters",
            Self::DiscardDead => "remove dead letters",
            Self::ReadHealth => "read what is told of health",
            Self::TellHealth => "tell of health",
            Self::CallPeople => "call people by channels",
            Self::ReadHosts => "read how hosts are",
            Self::ReportHost => "tell how its host is",
            Self::ReadDrains => "read which nodes are drained",
            Self::Drain => "drain nodes, and end that",
            Self::AskHosts => "ask workers",
            Self::AnswerForHost => "answer for its host",
            Self::AskMonitor => "ask the health monitor",
            Self::OrderMonitor => "order the health monitor",
            Self::ActAsMonitor => "be the health monitor",
            Self::ReadDeliveries => "read which webhooks came",
            Self::TakeDeliveries => "take webhooks and pushes",
            Self::ReadApprovals => "read what people are asked",
            Self::Decide => "agree to what people are asked, or not",
            Self::Bring => "bring scripts and features along with guests",
            Self::Fetch => "fetch what was brought along, and remove it",
            Self::CheckSetUp => "look at streams and buckets, and make the queue anew",
            Self::SetUp => "make and change streams and buckets",
            Self::Copy => "copy all that is kept, and put a copy in its place",
        }
    }

    /// Says whether it is an answer that goes to an inbox of who asked.
    pub(crate) fn answers(self) -> bool {
        self == Self::ActAsMonitor
    }

    /// Returns the subjects it takes in a cell: for a host, or for any.
    pub(crate) fn subjects(self, cell: &Cell, host: Option<&NodeName>) -> Subjects {
        let host = host.map_or("*", NodeName::as_str);
        let (mut publish, mut subscribe) = (Vec::new(), Vec::new());
        match self {
            Self::ReadLog => {
                publish = reading(LOG, &cell.logs());
                publish.push(unreading(LOG));
                subscribe.push(cell.event());
            }
            Self::AppendToLog => publish.push(cell.logs()),
            Self::Listen => subscribe.push(cell.alouds()),
            Self::SpeakAloud => publish.push(cell.alouds()),
            Self::Wake => publish.push(cell.work(host, "*", "*")),
            Self::TakeWork => publish = taking(cell, host),
            Self::ReadDead => publish = reading(DEAD, &cell.deads()),
            Self::FileDead => publish.push(cell.deads()),
            Self::DiscardDead => publish.push(format!("$JS.API.STREAM.MSG.DELETE.{DEAD}")),
            // Who removes a reader by its name could remove the one that calls people.
            Self::ReadHealth => publish = reading(HEALTH, &cell.all_health()),
            Self::TellHealth => publish.extend([cell.healths(), cell.incidents()]),
            Self::CallPeople => {
                publish = [
                    "LIST.PHOENIX_HEALTH",
                    "INFO.PHOENIX_HEALTH.*",
                    "DELETE.PHOENIX_HEALTH.*",
                    "MSG.NEXT.PHOENIX_HEALTH.*",
                ]
                .map(|what| format!("$JS.API.CONSUMER.{what}"))
                .to_vec();
                publish.push(format!("$JS.API.CONSUMER.CREATE.{HEALTH}.*.{}", cell.incidents()));
                publish.push(format!("$JS.ACK.{HEALTH}.>"));
                publish.extend([looking(CHANNELS), writing(CHANNELS, cell)].concat());
            }
            Self::ReadHosts => publish = looking(HOSTS),
            Self::ReportHost => {
                publish.push(format!("$JS.API.STREAM.INFO.KV_{HOSTS}"));
                publish.push(format!("$KV.{HOSTS}.{}", cell.host(host)));
            }
            Self::ReadDrains => publish = looking(DRAINS),
            Self::Drain => publish = [looking(DRAINS), writing(DRAINS, cell)].concat(),
            Self::AskHosts => publish.push(cell.ask("*")),
            Self::AnswerForHost => {
                subscribe.push(cell.ask(host));
                publish.push(format!("{}.>", cell.answer(host, "*")));
            }
            Self::AskMonitor => publish.extend([cell.monitor(), cell.standby()]),
            Self::OrderMonitor => publish.push(cell.order()),
            Self::ActAsMonitor => {
                subscribe.extend([cell.monitor(), cell.order(), cell.standby()]);
                publish = [LEASES, WATCH]
                    .map(|bucket| [looking(bucket), writing(bucket, cell)].concat())
                    .concat();
            }
            Self::ReadDeliveries => publish = looking(DELIVERIES),
            Self::TakeDeliveries => {
                publish = [DELIVERIES, PUSHES]
                    .map(|bucket| [looking(bucket), writing(bucket, cell)].concat())
                    .concat();
            }
            Self::ReadApprovals => publish = looking(PUSHES),
            Self::Decide => publish = [looking(PUSHES), writing(PUSHES, cell)].concat(),
            Self::Bring => {
                publish = shelving();
                publish.push(LIBRARY_SUBJECTS[0].to_owned());
            }
            Self::Fetch => {
                publish = shelving();
                publish.push(listing(LIBRARY_STREAM));
            }
            Self::CheckSetUp => {
                publish.push("$JS.API.STREAM.INFO.*".to_owned());
                // It lives in the memory of a server, and is gone when that starts anew.
                publish.push(format!("$JS.API.STREAM.CREATE.{WORK}"));
            }
            Self::SetUp => {
                publish.push("$JS.API.INFO".to_owned());
                let streams = ["INFO", "CREATE", "UPDATE"];
                publish.extend(streams.map(|what| format!("$JS.API.STREAM.{what}.*")));
                publish.extend(reading(ADVISORIES, ">"));
            }
            Self::Copy => {
                let streams = ["INFO", "SNAPSHOT", "RESTORE", "DELETE"];
                publish.extend(streams.map(|what| format!("$JS.API.STREAM.{what}.*")));
                publish.extend(["ACK", "RESTORE"].map(|what| format!("$JS.SNAPSHOT.{what}.>")));
            }
        }
        Subjects { publish, subscribe }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams;

    #[test]
    fn every_stream_and_bucket_has_a_line_that_says_who_reads_it() {
        let cell = Cell::new("main".parse().unwrap());
        let subjects: Vec<_> =
            Act::ALL.into_iter().flat_map(|act| act.subjects(&cell, None).publish).collect();
        for name in streams::names() {
            assert!(
                subjects.contains(&format!("$JS.API.STREAM.MSG.GET.{name}")) || name == WORK,
                "nobody may use {name}: give it a line in `Act::subjects`, and have a role do that"
            );
        }
    }

    #[test]
    fn every_act_is_done_by_a_role() {
        use crate::role::Role;
        let worker = Role::Worker("pve1".parse().unwrap());
        let done: Vec<_> = Role::SINGLE.iter().chain([&worker]).flat_map(Role::acts).collect();
        assert!(Act::ALL.iter().all(|act| done.contains(act)));
    }
}
