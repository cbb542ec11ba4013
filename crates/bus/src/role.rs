//! Roles: who does what on the bus, and what a server therefore permits a key.

use std::fmt;
use std::str::FromStr;

use phoenix_domain::NodeName;

use crate::act::Act;
use crate::names::Cell;
use crate::subjects::Subjects;

/// Who somebody is on the bus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Who asks for guests.
    Submitter,
    /// The worker of a host.
    Worker(NodeName),
    /// The health monitor.
    Monitor,
    /// Who only looks.
    Watcher,
    /// The page, and the webhooks.
    Serve,
    /// Who sets the streams up.
    Admin,
}

const LOOKS: [Act; 9] = [
    Act::ReadLog,
    Act::Listen,
    Act::ReadDead,
    Act::ReadHealth,
    Act::ReadHosts,
    Act::ReadDrains,
    Act::ReadDeliveries,
    Act::ReadApprovals,
    Act::AskMonitor,
];
const ASKS: [Act; 7] = [
    Act::AppendToLog,
    Act::DiscardDead,
    Act::Drain,
    Act::AskHosts,
    Act::OrderMonitor,
    Act::Decide,
    Act::Bring,
];

impl Role {
    /// The roles of which there is one in a cell.
    pub const SINGLE: [Self; 5] =
        [Self::Submitter, Self::Monitor, Self::Watcher, Self::Serve, Self::Admin];

    /// Returns what it does, and may do.
    pub fn acts(&self) -> Vec<Act> {
        match self {
            Self::Watcher => LOOKS.to_vec(),
            Self::Submitter => [LOOKS.as_slice(), &ASKS].concat(),
            Self::Serve => [LOOKS.as_slice(), &ASKS, &[Act::TakeDeliveries]].concat(),
            Self::Worker(_) => vec![
                Act::CheckSetUp,
                Act::ReadLog,
                Act::AppendToLog,
                Act::Wake,
                Act::TakeWork,
                Act::Fetch,
                Act::ReadDead,
                Act::FileDead,
                Act::ReadHealth,
                Act::ReportHost,
                Act::ReadDrains,
                Act::SpeakAloud,
                Act::AnswerForHost,
            ],
            Self::Monitor => vec![
                Act::ReadLog,
                Act::AppendToLog,
                Act::ReadHealth,
                Act::TellHealth,
                Act::CallPeople,
                Act::ReadHosts,
                Act::AskHosts,
                Act::ActAsMonitor,
            ],
            Self::Admin => [LOOKS.as_slice(), &ASKS, &[Act::SetUp, Act::Copy]].concat(),
        }
    }

    /// Returns the host it is for; any where it is for none.
    pub fn host(&self) -> Option<&NodeName> {
        match self {
            Self::Worker(host) => Some(host),
            Self::Submitter | Self::Monitor | Self::Watcher | Self::Serve | Self::Admin => None,
        }
    }

    /// Returns its kind, without the host.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Submitter => "submitter",
            Self::Worker(_) => "worker",
            Self::Monitor => "monitor",
            Self::Watcher => "watcher",
            Self::Serve => "serve",
            Self::Admin => "admin",
        }
    }

    /// Returns its name where a space cannot be: of files, and of the subjects under which it is answered.
    pub fn slug(&self) -> String {
        match self {
            Self::Worker(host) => format!("worker-{host}"),
            Self::Submitter | Self::Monitor | Self::Watcher | Self::Serve | Self::Admin => {
                self.kind().to_owned()
            }
        }
    }

    /// Returns what its answers come under. Nobody else may listen there.
    pub(crate) fn inbox(&self) -> String {
        format!("_INBOX_{}", self.slug())
    }

    /// Returns all subjects it may use in a cell, each once.
    pub(crate) fn subjects(&self, cell: &Cell) -> Subjects {
        let mut all = Subjects::default();
        for act in self.acts() {
            let Subjects { publish, subscribe } = act.subjects(cell, self.host());
            all.publish.extend(publish);
            all.subscribe.extend(subscribe);
        }
        all.subscribe.push(format!("{}.>", self.inbox()));
        if self.acts().contains(&Act::AskHosts) {
            all.subscribe.push(format!("{}.>", cell.answer("*", &self.slug())));
        }
        for subjects in [&mut all.publish, &mut all.subscribe] {
            subjects.sort();
            subjects.dedup();
        }
        all
    }

    /// Says whether it answers those who ask where they wish.
    pub(crate) fn answers(&self) -> bool {
        self.acts().into_iter().any(Act::answers)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(host) => write!(f, "worker {host}"),
            Self::Submitter | Self::Monitor | Self::Watcher | Self::Serve | Self::Admin => {
                f.write_str(self.kind())
            }
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(host) = text.strip_prefix("worker ") {
            return host.parse().map(Self::Worker).map_err(|err| format!("{err}"));
        }
        let named = Self::SINGLE.into_iter().find(|role| role.kind() == text);
        named.ok_or_else(|| format!("`{text}` is no role"))
    }
}
