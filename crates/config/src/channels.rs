//! The channels file: whom the health monitor calls, and how. What its keys mean is decided where they
//! are used; here is what can be written, and where in the file something stands.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::code::{Code, code};
use crate::finding::Finding;
use crate::load::unreadable;
use crate::place::{File, Place, Segment};
use crate::report::text_of;
use crate::rules::{did_you_mean, listed};
use crate::schema;
use crate::source::Source;
use crate::sources::Sources;

pub(crate) static CHANNEL_KEY: Code = code!("1001", Error, "a key of the channels file is unknown");
pub(crate) static CHANNEL: Code = code!("1002", Error, "a channel cannot be used");

/// The channels file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(title = "channels.json")]
pub(crate) struct RawChannels {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema", default)]
    pub(crate) schema: Option<String>,
    /// The channels by which people are called.
    #[serde(default)]
    channels: Vec<RawChannel>,
}

/// A channel by which people are called.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct RawChannel {
    /// What it is called: lower-case letters, digits and `-`. What it has told is kept under its name.
    #[serde(default)]
    pub name: Option<String>,
    /// What kind it is.
    #[serde(default)]
    pub kind: Option<ChannelKind>,
    /// The least severity it tells: `page` unless said otherwise, and `warn` for `webhook` and
    /// `alertmanager`, which are no people and choose for themselves.
    #[serde(default)]
    pub severity: Option<LeastSeverity>,
    /// Only incidents of guests on these hosts, or of the hosts themselves.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// Only incidents of these guests, by their numbers.
    #[serde(default)]
    pub guests: Option<Vec<u64>>,
    /// A page that shows an incident; `{incident}` in it is the name of the incident.
    #[serde(default)]
    pub link: Option<String>,
    /// After how many minutes people are reminded of a page that nobody has acknowledged, each time; the
    /// last number holds from then on. `[30, 120]` unless said otherwise, and `[]` for never. Not for
    /// `alertmanager`, which has reminders of its own.
    #[serde(default)]
    pub remind: Option<Vec<u32>>,
    /// For `ntfy`, `slack`, `alertmanager` and `mail`: the file with the text to be sent, a template;
    /// `phoenix-health-monitor --print-template KIND` prints the one that is used without it.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// For `webhook`: where the event is posted to. For `ntfy` and `alertmanager`: the address of the
    /// server.
    #[serde(default)]
    pub url: Option<String>,
    /// For `slack`, whose address is a secret: the file with the address.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// For `webhook`: the file with the secret that signs, `whsec_` and Base64.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// For `webhook`: the file with the secret that signed before, which signs too while receivers
    /// change over to the new one.
    #[serde(default)]
    pub old_secret_file: Option<PathBuf>,
    /// For `ntfy` and `alertmanager`: the file with the token that lets the monitor in.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// For `alertmanager`: the file with `user:password`.
    #[serde(default)]
    pub basic_auth_file: Option<PathBuf>,
    /// For `ntfy`: the topic.
    #[serde(default)]
    pub topic: Option<String>,
    /// For `mail`: who sends it.
    #[serde(default)]
    pub from: Option<String>,
    /// For `mail`: who gets it.
    #[serde(default)]
    pub to: Option<Vec<String>>,
    /// For `mail`: the program that takes it, called as `sendmail -t -i`; /usr/sbin/sendmail otherwise.
    #[serde(default)]
    pub sendmail: Option<PathBuf>,
    /// Whether messages may go over a network that is not private without being encrypted.
    #[serde(default)]
    pub allow_plain_http: Option<bool>,
}

/// What kind a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// The event itself, signed as Standard Webhooks has it.
    Webhook,
    /// A message on phones, by ntfy.
    Ntfy,
    /// A message in a room of Slack, or of what takes the same.
    Slack,
    /// An alert, sent again every minute while the incident is open.
    Alertmanager,
    /// A mail, by the `sendmail` of this machine.
    Mail,
}

/// The least severity that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeastSeverity {
    /// All.
    Info,
    /// What is worth knowing in the morning, too.
    Notice,
    /// What is not well and being repaired, too.
    Warn,
    /// Only what a human has to look at.
    Page,
}

/// A channels file that was read, and what is wrong with it.
#[derive(Debug)]
pub struct ChannelsFile {
    /// The channels, as far as they could be read.
    pub channels: Vec<RawChannel>,
    sources: Sources,
    findings: Vec<Finding>,
}

impl ChannelsFile {
    /// Reads a file. What is wrong with it is asked for by [`ChannelsFile::refused`].
    pub fn read(path: &Path) -> Self {
        let source = match Source::read(path) {
            Ok(source) => source,
            Err(err) => {
                let findings = vec![unreadable(File::Channels, &err)];
                return Self { channels: Vec::new(), sources: Sources::default(), findings };
            }
        };
        let mut sources = Sources::only(File::Channels, source);
        let mut findings = Vec::new();
        let (raw, ignored) =
            sources.whole::<RawChannels>(File::Channels, &schema::CHANNELS, &mut findings);
        findings.extend(ignored.into_iter().map(|ignored| unknown(ignored.place)));
        let channels = raw.unwrap_or_default().channels;
        let mut file = Self { channels, sources, findings };
        if file.channels.is_empty() && file.findings.is_empty() {
            file.find(Place::file(File::Channels), "there is no channel in this file", |finding| {
                finding.help("write at least `{\"channels\": [{\"name\": …, \"kind\": …}]}`")
            });
        }
        file
    }

    /// Says that a channel cannot be used because of a key, and what to do about it.
    pub fn refuse(&mut self, channel: usize, key: &'static str, what: &str, help: &str) {
        let place = Place::file(File::Channels).key("channels").index(channel).key(key);
        self.find(place, what, |finding| finding.help(help));
    }

    fn find(&mut self, place: Place, what: &str, with: impl FnOnce(Finding) -> Finding) {
        self.findings.push(with(Finding::new(&CHANNEL, place, what)));
    }

    /// Returns all that is wrong with it, as people read it; nothing where it can be used.
    pub fn refused(&self) -> Option<String> {
        if self.findings.is_empty() {
            return None;
        }
        let mut findings = self.findings.clone();
        self.sources.sort(&mut findings);
        Some(text_of(&self.sources, &findings, false))
    }
}

fn unknown(place: Place) -> Finding {
    let schema = schema::schema(schema::Described::Channels);
    let (within, holder) = match place.path.as_slice() {
        [_] => ("/properties", "the channels file"),
        _ => ("/properties/channels/items/properties", "a channel"),
    };
    let known = schema.pointer(within).and_then(Value::as_object);
    let known: Vec<_> = known.into_iter().flat_map(|known| known.keys()).collect();
    let key = match place.path.last() {
        Some(Segment::Key(key)) => key.to_string(),
        Some(Segment::Index(_)) | None => String::new(),
    };
    let help = match did_you_mean(&key, known.iter().map(|known| known.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("remove it; the keys here are {}", listed(&known)),
    };
    let message = format!("`{key}` is no key of {holder}");
    Finding::new(&CHANNEL_KEY, place.named(), message).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ChannelsFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channels.json");
        std::fs::write(&path, text).unwrap();
        ChannelsFile::read(&path)
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line() {
        let mut file = read(
            "{\n  // whom we call\n  \"channels\": [\n    {\"name\": \"a\", \"kind\": \"telex\"},\n    {\"name\": \"b\", \"kind\": \"mail\", \"templates\": \"x\"},\n    {\"name\": \"c\", \"kind\": \"ntfy\", \"topic\": 7}\n  ]\n}\n",
        );
        file.refuse(1, "to", "nobody gets it", "say who");

        let refused = file.refused().unwrap();

        for said in [
            "channels.json:4",
            "it is one of `webhook`, `ntfy`, `slack`, `alertmanager` and `mail`",
            "channels.json:5",
            "channels.json:6",
            "`templates` is no key of a channel",
            "did you mean `template`?",
            "nobody gets it",
            "help: say who",
        ] {
            assert!(refused.contains(said), "{said}: {refused}");
        }
    }

    #[test]
    fn a_file_without_fault_is_not_refused_and_may_have_comments() {
        let file = read("{\"channels\": [{\"name\": \"a\", \"kind\": \"ntfy\"}] /* all */}");

        assert_eq!(file.refused(), None);
        assert_eq!(file.channels[0].kind, Some(ChannelKind::Ntfy));
    }

    #[test]
    fn a_file_that_is_not_there_or_calls_nobody_is_refused() {
        let missing = ChannelsFile::read(Path::new("/nowhere/channels.json"));
        assert!(missing.refused().unwrap().contains("`--channels FILE` says where it is"));
        assert!(read("{\"channels\": []}").refused().unwrap().contains("there is no channel"));
    }
}
