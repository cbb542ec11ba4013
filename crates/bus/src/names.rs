//! Every name on the bus: subjects, streams, buckets, consumers, headers.

use std::fmt::Display;

use phoenix_domain::{ChannelName, Class, GuestKey, NodeName, PackName, RunId, SourceName};

/// The log of every guest.
pub(crate) const LOG: &str = "PHOENIX_LOG";
/// The queue of wake-up tokens.
pub(crate) const WORK: &str = "PHOENIX_WORK";
/// The dead letters.
pub(crate) const DEAD: &str = "PHOENIX_DEAD";
/// What the server itself gave up on.
pub(crate) const ADVISORIES: &str = "PHOENIX_ADVISORIES";
/// Verdicts of the health monitor.
pub(crate) const HEALTH: &str = "PHOENIX_HEALTH";
/// Workers, what their hosts have, and when they were last heard.
pub(crate) const HOSTS: &str = "phoenix-hosts";
/// Nodes where nothing is begun for now.
pub(crate) const DRAINS: &str = "phoenix-drains";
/// The stream behind it.
pub(crate) const DRAINS_STREAM: &str = "KV_phoenix-drains";
/// Webhooks that were accepted.
pub(crate) const DELIVERIES: &str = "phoenix-deliveries";
/// The stream behind it.
pub(crate) const DELIVERIES_STREAM: &str = "KV_phoenix-deliveries";
/// What is wanted because of pushes, until it is asked for.
pub(crate) const PUSHES: &str = "phoenix-pushes";
/// What is brought along with guests, and the stream that holds it.
pub(crate) const LIBRARY: &str = "phoenix-library";
pub(crate) const LIBRARY_STREAM: &str = "OBJ_phoenix-library";
/// Its pieces, and what each pack consists of.
pub(crate) const LIBRARY_SUBJECTS: [&str; 2] = ["$O.phoenix-library.C.>", "$O.phoenix-library.M.>"];
/// Who acts, where several could.
pub(crate) const LEASES: &str = "phoenix-leases";
/// What each channel has told people, and how it does.
pub(crate) const CHANNELS: &str = "phoenix-channels";
/// What the health monitor needs to go on where another one ended.
pub(crate) const WATCH: &str = "phoenix-watch";

/// All guests' logs.
pub(crate) const LOG_SUBJECTS: &str = "phoenix.log.*.*";
/// Where the log is told live, for plain subscribers.
pub(crate) const LIVE_SUBJECTS: &str = "phoenix.event.{{wildcard(1)}}.{{wildcard(2)}}";
/// All tokens.
pub(crate) const WORK_SUBJECTS: &str = "phoenix.work.*.*.*.*";
/// All dead letters.
pub(crate) const DEAD_SUBJECTS: &str = "phoenix.dead.*.*";
/// What the server tells when it gives a message up.
pub(crate) const ADVISORY_SUBJECTS: [&str; 2] = [
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.PHOENIX_WORK.*",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.PHOENIX_WORK.*",
];
/// All verdicts and incidents.
pub(crate) const HEALTH_SUBJECTS: [&str; 2] = ["phoenix.health.*.*.*", "phoenix.incident.*.*"];

/// How the stream's own description says what its acknowledgements are worth.
pub(crate) const DURABILITY: &str = "phoenix.durability";

/// How a stream's own description says by which layout it was made, or changed last.
pub(crate) const LAYOUT: &str = "phoenix.layout";

/// The header that carries the trace.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The header that says what kind of body follows.
pub(crate) const CONTENT_TYPE: &str = "Content-Type";
/// The header of a dead letter that says which message it is about: stream and sequence.
pub(crate) const ABOUT: &str = "Phoenix-About";

/// The guests whose numbers, names and hosts are one world: a cluster, or a lone host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell(NodeName);

impl Cell {
    /// Takes a name as that of a cell.
    pub fn new(name: NodeName) -> Self {
        Self(name)
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &NodeName {
        &self.0
    }

    /// Returns the subject of a guest's log.
    pub(crate) fn log(&self, guest: GuestKey) -> String {
        format!("phoenix.log.{}.{guest}", self.0)
    }

    /// Returns the subjects of all logs of this cell.
    pub(crate) fn logs(&self) -> String {
        format!("phoenix.log.{}.*", self.0)
    }

    /// Returns the subjects under which the logs of this cell are told live.
    pub(crate) fn event(&self) -> String {
        format!("phoenix.event.{}.*", self.0)
    }

    /// Returns the subject of a token; `*` is all that are.
    pub(crate) fn work(
        &self,
        host: impl Display,
        class: impl Display,
        guest: impl Display,
    ) -> String {
        format!("phoenix.work.{}.{host}.{class}.{guest}", self.0)
    }

    /// Returns the key of a delivery.
    pub(crate) fn delivery(&self, source: &SourceName, id: &str) -> String {
        format!("{}.{source}.{id}", self.0)
    }

    /// Returns the name of a pack in the library.
    pub(crate) fn pack(&self, pack: &PackName) -> String {
        format!("{}{pack}", self.packs())
    }

    /// Returns what the names of packs in the library begin with.
    pub(crate) fn packs(&self) -> String {
        format!("{}/", self.0)
    }

    /// Returns what the keys of deliveries begin with.
    pub(crate) fn deliveries(&self) -> String {
        format!("{}.", self.0)
    }

    /// Returns what the keys begin with of all that is wanted because of pushes.
    pub(crate) fn pushes(&self) -> String {
        format!("{}.", self.0)
    }

    /// Returns the key of what pushes of a source want of its fleet.
    pub(crate) fn fleet(&self, source: &SourceName) -> String {
        format!("{}.fleet.{source}", self.0)
    }

    /// Returns the key of what waits until a window opens.
    pub(crate) fn later(&self, run: &RunId) -> String {
        format!("{}{run}", self.laters())
    }

    /// Returns what the keys begin with of all that waits until a window opens.
    pub(crate) fn laters(&self) -> String {
        format!("{}.later.", self.0)
    }

    /// Returns the name of the consumer of a class.
    pub(crate) fn consumer(&self, host: impl Display, class: Class) -> String {
        format!("w_{}_{host}_{class}", self.0)
    }

    /// Returns the subject of a dead letter. What is about no guest has a subject of its own, or
    /// the letters about two such messages would hide each other from who looks for the last.
    pub(crate) fn dead(&self, guest: Option<GuestKey>, about: &str) -> String {
        match guest {
            Some(guest) => format!("phoenix.dead.{}.{guest}", self.0),
            None => format!("phoenix.dead.{}.unreadable-{}", self.0, about.replace('/', "-")),
        }
    }

    /// Returns the subjects of all dead letters of this cell.
    pub(crate) fn deads(&self) -> String {
        format!("phoenix.dead.{}.*", self.0)
    }

    /// Returns the subject of questions to the worker of a host; `*` is any.
    pub(crate) fn ask(&self, host: impl Display) -> String {
        format!("phoenix.ask.{}.{host}", self.0)
    }

    /// Returns what the subjects begin with under which the worker of a host answers a role; `*` is any host.
    pub(crate) fn answer(&self, host: impl Display, role: &str) -> String {
        format!("phoenix.answer.{}.{host}.{role}", self.0)
    }

    /// Returns the subject of what is said in a guest.
    pub(crate) fn aloud(&self, guest: GuestKey) -> String {
        format!("phoenix.aloud.{}.{guest}", self.0)
    }

    /// Returns the subjects of what is said in the guests of this cell.
    pub(crate) fn alouds(&self) -> String {
        format!("phoenix.aloud.{}.*", self.0)
    }

    /// Returns the subject of what a probe of a guest finds.
    pub(crate) fn health(&self, guest: GuestKey, probe: &str) -> String {
        format!("phoenix.health.{}.{guest}.{probe}", self.0)
    }

    /// Returns the subjects of what is found of all guests of this cell, and of how its channels do.
    pub(crate) fn healths(&self) -> String {
        format!("phoenix.health.{}.*.*", self.0)
    }

    /// Returns the subjects of all that is told of health in this cell, incidents included. It is one, as
    /// what a role may read is said by the one subject that it names.
    pub(crate) fn all_health(&self) -> String {
        format!("phoenix.*.{}.>", self.0)
    }

    /// Returns the subject of an incident.
    pub(crate) fn incident(&self, id: &str) -> String {
        format!("phoenix.incident.{}.{id}", self.0)
    }

    /// Returns the subjects of all incidents of this cell.
    pub(crate) fn incidents(&self) -> String {
        format!("phoenix.incident.{}.*", self.0)
    }

    /// Returns the name of the consumer of a channel.
    pub(crate) fn caller(&self, channel: &ChannelName) -> String {
        format!("{}{channel}", self.callers())
    }

    /// Returns what the names of the consumers of all channels of this cell begin with.
    pub(crate) fn callers(&self) -> String {
        format!("c_{}_", self.0)
    }

    /// Returns the subject of how a channel does. No guest has this name.
    pub(crate) fn channel(&self, channel: &ChannelName) -> String {
        format!("phoenix.health.{}.channels.{channel}", self.0)
    }

    /// Returns the key under which a channel keeps what it needs.
    pub(crate) fn channel_key(&self, channel: &ChannelName) -> String {
        format!("{}.{channel}", self.0)
    }

    /// Returns the subject of questions to the health monitor.
    pub(crate) fn monitor(&self) -> String {
        format!("phoenix.monitor.{}", self.0)
    }

    /// Returns the subject of orders to the health monitor. It is one of its own, so that who may look need
    /// not be one who may order.
    pub(crate) fn order(&self) -> String {
        format!("phoenix.monitor.{}.order", self.0)
    }

    /// Returns the subject under which monitors answer that wait for their turn.
    pub(crate) fn standby(&self) -> String {
        format!("phoenix.monitor.{}.standby", self.0)
    }

    /// Returns what the keys begin with under which the health monitor keeps what it needs.
    pub(crate) fn watch(&self) -> String {
        format!("{}.", self.0)
    }

    /// Returns the key of a lease.
    pub(crate) fn lease(&self, what: &str) -> String {
        format!("{}.{what}", self.0)
    }

    /// Returns the key under which a host is reported; `*` is any.
    pub(crate) fn host(&self, host: impl Display) -> String {
        format!("{}.{host}", self.0)
    }
}

/// Returns the guest a subject is about: its last token.
pub(crate) fn guest_of(subject: &str) -> Option<GuestKey> {
    subject.rsplit('.').next().and_then(|token| token.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    /// What others were told, and count on.
    const CONTRACT: &str = include_str!("../../../tests/contract/v1.json");

    #[test]
    fn what_others_subscribe_to_has_the_names_they_were_told() {
        let contract: Value = serde_json::from_str(CONTRACT).unwrap();
        let cell = Cell::new("CELL".parse().unwrap());
        let host: NodeName = "HOST".parse().unwrap();
        let guest = "lxc-950".parse().unwrap();
        let live = LIVE_SUBJECTS.replace("{{wildcard(1)}}", "CELL");
        let names: BTreeMap<_, _> = [
            ("the log of a guest", cell.log(guest)),
            ("the log of a guest, live", live.replace("{{wildcard(2)}}", "lxc-950")),
            ("what is said in a guest", cell.aloud(guest)),
            ("the token that wakes a worker", cell.work(&host, Class::Std, guest)),
            ("the dead letter of a guest", cell.dead(Some(guest), "")),
            ("what a probe finds", cell.health(guest, "PROBE")),
            ("an incident", cell.incident("INCIDENT")),
            ("how a channel does", cell.channel(&"name".parse().unwrap())),
        ]
        .into_iter()
        .map(|(what, name)| {
            let placeholders = [("lxc-950", "GUEST"), (".std.", ".CLASS."), (".name", ".NAME")];
            let name =
                placeholders.iter().fold(name, |name, (this, that)| name.replace(this, that));
            (what.to_owned(), Value::from(name))
        })
        .collect();

        let told: BTreeMap<_, _> =
            contract["subjects"].as_object().unwrap().clone().into_iter().collect();

        assert_eq!(
            names, told,
            "others subscribe to what stands at the right: tell the new subject beside the old one, and \
             enter it in tests/contract/v1.json"
        );
    }

    #[test]
    fn the_streams_keep_what_others_were_told_is_in_them() {
        let contract: Value = serde_json::from_str(CONTRACT).unwrap();
        let of = |what: &str| {
            let subject = contract["subjects"][what].as_str().unwrap();
            let is_placeholder = |token: &&str| token.bytes().all(|byte| byte.is_ascii_uppercase());
            let tokens =
                subject.split('.').map(|token| if is_placeholder(&token) { "*" } else { token });
            tokens.collect::<Vec<_>>().join(".")
        };

        assert_eq!(LOG_SUBJECTS, of("the log of a guest"));
        assert_eq!(WORK_SUBJECTS, of("the token that wakes a worker"));
        assert_eq!(DEAD_SUBJECTS, of("the dead letter of a guest"));
        assert_eq!(
            HEALTH_SUBJECTS,
            [of("what a probe finds"), of("an incident")].each_ref().map(|subject| &**subject)
        );
        let streams = [LOG, WORK, DEAD, HEALTH].map(Value::from);
        assert_eq!(contract["streams"], Value::from(streams.to_vec()));
    }
}
