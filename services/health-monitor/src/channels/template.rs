//! The text of a message, which whoever is called can change.

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior};
use phoenix_config::ChannelKind;
use phoenix_post::cut;

use super::letter::Letter;
use super::trial;

/// How many steps a template may take: one that never ends holds up nobody.
const FUEL: u64 = 100_000;
/// The longest template, and the longest text of one.
const LONGEST: usize = 64 * 1024;

/// What must not be taken for more than text by the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Nothing means anything but itself.
    Plain,
    /// `&`, `<` and `>` begin something.
    Slack,
}

/// How a message is written.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    escape: Escape,
    from: Option<PathBuf>,
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

/// Returns the template that is used without one, for kinds that have text.
pub(crate) fn usual(kind: ChannelKind) -> Option<Template> {
    let (text, escape) = match kind {
        ChannelKind::Webhook => return None,
        ChannelKind::Ntfy | ChannelKind::Alertmanager | ChannelKind::Mail => {
            (include_str!("templates/plain.txt"), Escape::Plain)
        }
        ChannelKind::Slack => (include_str!("templates/slack.txt"), Escape::Slack),
    };
    Some(Template { text: text.to_owned(), escape, from: None })
}

impl Template {
    /// Reads one in place of the usual one, and tries it on every occasion.
    pub(crate) fn read(self, path: &Path) -> Result<Self, Broken> {
        let broken = |why: String| Broken(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|err| broken(err.to_string()))?;
        if text.len() > LONGEST {
            return Err(broken(format!("it is longer than {} KiB", LONGEST / 1024)));
        }
        let template = Self { text, escape: self.escape, from: Some(path.to_owned()) };
        for letter in trial::letters() {
            template.fill(&letter)?;
        }
        Ok(template)
    }

    /// Returns the template itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Writes a message.
    pub(crate) fn fill(&self, letter: &Letter) -> Result<String, Broken> {
        let place = self.from.as_ref().map(|path| path.display().to_string());
        let place = place.unwrap_or_else(|| "the usual template".to_owned());
        let environment = environment(self.escape);
        let text = environment
            .template_from_named_str(&place, &self.text)
            .and_then(|template| template.render(letter))
            .map_err(|err| {
                let line = err.line().map_or_else(String::new, |line| format!(":{line}"));
                let why = err.detail().map_or_else(|| err.kind().to_string(), str::to_owned);
                Broken(format!("{place}{line}: {why}"))
            })?;
        if text.trim().is_empty() {
            return Err(Broken(format!("{place}: nothing comes of it")));
        }
        Ok(cut(text.trim_end(), LONGEST).to_owned())
    }
}

fn environment(escape: Escape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(move |out, _, value| {
        if value.is_none() {
            return Ok(());
        }
        out.write_str(&escaped(&value.to_string(), escape))?;
        Ok(())
    });
    environment
}

fn escaped(text: &str, escape: Escape) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match (escape, char) {
            (_, '\n' | '\t') => safe.push(char),
            (_, char) if char.is_control() => {}
            (Escape::Slack, '&') => safe.push_str("&amp;"),
            (Escape::Slack, '<') => safe.push_str("&lt;"),
            (Escape::Slack, '>') => safe.push_str("&gt;"),
            (Escape::Slack | Escape::Plain, char) => safe.push(char),
        }
    }
    safe
}
