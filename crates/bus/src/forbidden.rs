//! What the server forbids: whoever waits for it is told at once, and not when its time is up.
//!
//! A server answers a request that it forbids with a line about the connection and nothing else: the line
//! names the subject, and no request. What is waited for is ended by it where the subject is one that it takes.

use std::pin::Pin;

use phoenix_domain::NodeName;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;

/// How many refusals are kept for who has not looked yet.
pub(crate) const KEPT: usize = 64;

/// Something that the server did not permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forbidden {
    /// To do what.
    doing: Doing,
    /// Under which subject.
    pub(crate) subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Publish,
    Subscribe,
}

impl Forbidden {
    /// Reads what a server says, if that is it.
    pub(crate) fn read(said: &str) -> Option<Self> {
        let (_, said) = said.split_once("Permissions Violation for ")?;
        let (doing, rest) = match said.split_once(" to \"")? {
            ("Publish", rest) => (Doing::Publish, rest),
            ("Subscription", rest) => (Doing::Subscribe, rest),
            _ => return None,
        };
        let (subject, _) = rest.split_once('"')?;
        Some(Self { doing, subject: subject.to_owned() })
    }

    /// Says whether it is what an act takes.
    fn is_of(&self, act: Act, bus: &Bus, host: Option<&NodeName>) -> bool {
        let subjects = act.subjects(&bus.cell, host);
        let of = match self.doing {
            Doing::Publish => subjects.publish,
            Doing::Subscribe => subjects.subscribe,
        };
        of.iter().any(|one| covers(one, &self.subject) || is_of_one_stream(one, &self.subject))
    }
}

impl Bus {
    /// Does something, and ends it at once where the server forbids it. What is done is set aside, as it may be
    /// large.
    pub(crate) fn allowed<T>(
        &self,
        act: Act,
        work: impl Future<Output = Result<T, BusError>>,
    ) -> Pin<Box<impl Future<Output = Result<T, BusError>>>> {
        Box::pin(self.allowed_for(None, act, work))
    }

    /// The same, where it is something of a host.
    pub(crate) async fn allowed_for<T>(
        &self,
        host: Option<&NodeName>,
        act: Act,
        work: impl Future<Output = Result<T, BusError>>,
    ) -> Result<T, BusError> {
        let mut told = self.hears_forbidden();
        tokio::select! {
            done = work => done,
            subject = forbidden(&mut told, |told| told.is_of(act, self, host)) => {
                Err(self.not_permitted(act, subject))
            }
        }
    }

    /// Waits until the server forbids an act.
    pub(crate) async fn until_not_permitted(
        &self,
        act: Act,
        told: &mut Receiver<Forbidden>,
    ) -> BusError {
        self.not_permitted(act, forbidden(told, |told| told.is_of(act, self, None)).await)
    }

    /// Waits until the server forbids to publish under a subject.
    pub(crate) async fn until_forbidden(mut told: Receiver<Forbidden>, subject: &str) {
        forbidden(&mut told, |told| told.doing == Doing::Publish && told.subject == subject).await;
    }

    /// Returns the error that says what is not permitted, to whom, and who may.
    pub(crate) fn not_permitted(&self, act: Act, subject: String) -> BusError {
        BusError::NotPermitted { subject, act, role: self.role.clone() }
    }

    /// Begins to hear what is forbidden.
    pub(crate) fn hears_forbidden(&self) -> Receiver<Forbidden> {
        self.forbidden.subscribe()
    }
}

/// Tells those who wait, if this is about something that is forbidden.
pub(crate) fn tell(said: &str, to: &Sender<Forbidden>) -> Option<Forbidden> {
    let forbidden = Forbidden::read(said)?;
    // Where nobody waits for it, it is told to people alone.
    drop(to.send(forbidden.clone()));
    Some(forbidden)
}

/// Waits for something that is forbidden and concerns us; returns its subject.
pub(crate) async fn forbidden(
    told: &mut Receiver<Forbidden>,
    is_ours: impl Fn(&Forbidden) -> bool,
) -> String {
    loop {
        match told.recv().await {
            Ok(told) if is_ours(&told) => return told.subject,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Says whether two questions to the server are about one stream: whoever needs the one has tried the other.
fn is_of_one_stream(one: &str, other: &str) -> bool {
    let stream = |question: &str| {
        let question = question.strip_prefix("$JS.API.")?;
        let mut names = question.split('.');
        names
            .find(|name| ["PHOENIX_", "KV_", "OBJ_"].iter().any(|kind| name.starts_with(kind)))
            .map(str::to_owned)
    };
    stream(one).is_some_and(|name| stream(other) == Some(name))
}

/// Says whether a subject is one of those that a pattern names.
pub(crate) fn covers(pattern: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, subject.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_forbids_is_read_from_its_words() {
        let publish = "Permissions Violation for Publish to \"phoenix.log.main.lxc-950\"";
        let read = Forbidden::read(publish).unwrap();
        assert_eq!((read.doing, &*read.subject), (Doing::Publish, "phoenix.log.main.lxc-950"));

        let queue = "Permissions Violation for Subscription to \"phoenix.ask.main.pve1\" using queue \"workers\"";
        let read = Forbidden::read(queue).unwrap();
        assert_eq!((read.doing, &*read.subject), (Doing::Subscribe, "phoenix.ask.main.pve1"));

        assert_eq!(Forbidden::read("Maximum Connections Exceeded"), None);
    }

    #[test]
    fn a_pattern_covers_what_it_names_and_no_more() {
        for (pattern, subject, is_covered) in [
            ("phoenix.log.main.*", "phoenix.log.main.lxc-950", true),
            ("phoenix.log.main.*", "phoenix.log.main", false),
            ("phoenix.log.main.*", "phoenix.log.main.lxc-950.x", false),
            ("$KV.a.>", "$KV.a.b.c", true),
            ("$KV.a.>", "$KV.a", false),
            ("a.b", "a.b", true),
        ] {
            assert_eq!(covers(pattern, subject), is_covered, "{pattern} {subject}");
        }
    }
}
