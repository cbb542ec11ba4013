//! What a server says in one state.

use std::borrow::Cow;

/// One state of a server.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What it is, for whoever reads a failed test.
    pub name: &'static str,
    /// What whoever comes meets.
    pub door: Door,
}

/// What whoever comes meets.
#[derive(Clone, Debug)]
pub enum Door {
    /// Nobody listens.
    Refused,
    /// Connections are taken, and nothing is ever said.
    Silent,
    /// Connections are closed at once.
    Slammed,
    /// Whatever is said is answered with these bytes.
    Bytes(&'static [u8]),
    /// Pages; the first that fits is shown, and 404 where none does.
    Pages(Vec<Page>),
}

/// What is said to one question.
#[derive(Clone, Debug)]
pub struct Page {
    /// `GET /health`; a star at the end stands for anything.
    pub asked: &'static str,
    /// A line that has to be in the head, and what is said without it.
    pub needs: Option<(&'static str, Says)>,
    /// What is said: the first to the first who asks, and so on; the last to all others.
    pub says: Vec<Says>,
}

/// An answer, or none.
#[derive(Clone, Debug)]
pub enum Says {
    /// This.
    Answer {
        /// The status.
        status: u16,
        /// What kind of text it is.
        kind: &'static str,
        /// The text.
        body: Cow<'static, str>,
    },
    /// Nothing, while this scene lasts. In the next one the question is answered as there.
    Nothing,
    /// The connection is closed instead.
    Goodbye,
}

impl Says {
    /// Returns an answer in JSON.
    pub fn json(status: u16, body: &'static str) -> Self {
        Self::Answer { status, kind: "application/json", body: body.into() }
    }

    /// Returns an answer in plain text.
    pub fn text(status: u16, body: &'static str) -> Self {
        Self::Answer { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }
}

impl Page {
    /// Returns a page that always says the same.
    pub fn new(asked: &'static str, says: Says) -> Self {
        Self { asked, needs: None, says: vec![says] }
    }

    /// Returns a page that says one after the other.
    pub fn turns(asked: &'static str, says: impl IntoIterator<Item = Says>) -> Self {
        Self { asked, needs: None, says: says.into_iter().collect() }
    }

    /// Returns it closed to all who do not say this.
    #[must_use]
    pub fn for_those_who_say(mut self, line: &'static str, otherwise: Says) -> Self {
        self.needs = Some((line, otherwise));
        self
    }

    pub(crate) fn fits(&self, asked: &str) -> bool {
        match self.asked.strip_suffix('*') {
            Some(begin) => asked.starts_with(begin),
            None => asked == self.asked,
        }
    }
}

impl Scene {
    /// Returns a state in which nobody listens.
    pub fn refused(name: &'static str) -> Self {
        Self { name, door: Door::Refused }
    }

    /// Returns a state in which all hangs.
    pub fn silent(name: &'static str) -> Self {
        Self { name, door: Door::Silent }
    }

    /// Returns a state in which these pages are shown.
    pub fn pages(name: &'static str, pages: impl IntoIterator<Item = Page>) -> Self {
        Self { name, door: Door::Pages(pages.into_iter().collect()) }
    }

    /// Returns a state in which everything is answered with these bytes.
    pub fn bytes(name: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, door: Door::Bytes(bytes) }
    }
}
