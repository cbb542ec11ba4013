//! From the channels file to channels that can be used: everything that is wrong is told at once, when
//! the monitor starts, and not when somebody has to be called.

use std::path::Path;

use chrono::TimeDelta;
use phoenix_config::{ChannelKind, ChannelsFile, LeastSeverity, RawChannel};
use phoenix_domain::health::Severity;
use phoenix_domain::{ChannelName, NodeName, Vmid};
use phoenix_post::address::{self, Plain};
use secrecy::SecretString;
use url::Url;

use super::channel::{Channel, Way};
use super::template::{self, Broken, Template};

/// After how many minutes people are reminded, unless they say otherwise.
const REMIND: [u32; 2] = [30, 120];
/// So many minutes has a week: what is not looked at for longer is not looked at.
const A_WEEK: u32 = 7 * 24 * 60;

/// Reads the channels file; what is wrong with it comes back as people read it.
pub(crate) fn read(path: &Path, cell: &NodeName) -> Result<Vec<Channel>, String> {
    let mut file = ChannelsFile::read(path);
    let raws = file.channels.clone();
    let mut channels: Vec<Channel> = Vec::new();
    for (nth, raw) in raws.iter().enumerate() {
        let name = raw.name.as_deref();
        if name.is_some() && raws.iter().take(nth).any(|before| before.name.as_deref() == name) {
            let what = "another channel has this name already";
            file.refuse(nth, "name", what, "give each a name of its own");
        }
        let mut entry = Entry { file: &mut file, nth, raw, secrets: Vec::new() };
        channels.extend(entry.channel(cell));
    }
    match file.refused() {
        Some(refused) => Err(refused),
        None => Ok(channels),
    }
}

/// A channel of the file that is being read.
pub(super) struct Entry<'f> {
    file: &'f mut ChannelsFile,
    nth: usize,
    pub(super) raw: &'f RawChannel,
    pub(super) secrets: Vec<SecretString>,
}

impl Entry<'_> {
    pub(super) fn refuse<T>(&mut self, key: &'static str, what: &str, help: &str) -> Option<T> {
        self.file.refuse(self.nth, key, what, help);
        None
    }

    fn channel(&mut self, cell: &NodeName) -> Option<Channel> {
        let raw = self.raw;
        let name = self.name();
        let Some(kind) = raw.kind else {
            let help = "`kind` is `webhook`, `ntfy`, `slack`, `alertmanager` or `mail`";
            return self.refuse("kind", "it is not said what kind this channel is", help);
        };
        self.refuse_what_does_not_fit(kind);
        let least = least(raw.severity, kind);
        let guests = self.guests();
        let hosts = raw.hosts.clone();
        if hosts.as_ref().is_some_and(Vec::is_empty) {
            self.refuse::<()>(
                "hosts",
                "no host is named",
                "name some, or leave the key out for all",
            );
        }
        let link = self.link();
        let template = self.template(kind);
        let remind = self.remind(kind);
        let way = match kind {
            ChannelKind::Webhook => self.webhook().map(Way::Webhook),
            ChannelKind::Ntfy => self.ntfy().map(Way::Ntfy),
            ChannelKind::Slack => self.slack().map(Way::Slack),
            ChannelKind::Alertmanager => self.alertmanager().map(Way::Alertmanager),
            ChannelKind::Mail => self.mail().map(Way::Mail),
        };
        let secrets = std::mem::take(&mut self.secrets);
        let (name, way, cell) = (name?, way?, cell.clone());
        Some(Channel { name, cell, least, hosts, guests, link, template, remind, way, secrets })
    }

    fn name(&mut self) -> Option<ChannelName> {
        let help = "a name has lower-case letters, digits and `-`, begins with a letter, at most 40 \
                    characters";
        match self.raw.name.as_deref().map(str::parse) {
            None => self.refuse("name", "this channel has no name", help),
            Some(Err(_)) => self.refuse("name", "this cannot be the name of a channel", help),
            Some(Ok(name)) => Some(name),
        }
    }

    fn guests(&mut self) -> Option<Vec<Vmid>> {
        let numbers = self.raw.guests.as_ref()?;
        let guests: Vec<_> =
            numbers.iter().filter_map(|number| Vmid::try_from(*number).ok()).collect();
        if guests.is_empty() || guests.len() != numbers.len() {
            let help = "name guests by their numbers, from 100 on, or leave the key out for all";
            return self.refuse("guests", "these are no numbers of guests", help);
        }
        Some(guests)
    }

    /// Refuses keys that are there and belong to other kinds.
    fn refuse_what_does_not_fit(&mut self, kind: ChannelKind) {
        use ChannelKind::{Alertmanager, Mail, Ntfy, Slack, Webhook};
        let raw = self.raw;
        let keys: [(&'static str, bool, &[ChannelKind]); 13] = [
            ("url", raw.url.is_some(), &[Webhook, Ntfy, Alertmanager]),
            ("url_file", raw.url_file.is_some(), &[Slack]),
            ("secret_file", raw.secret_file.is_some(), &[Webhook]),
            ("old_secret_file", raw.old_secret_file.is_some(), &[Webhook]),
            ("token_file", raw.token_file.is_some(), &[Ntfy, Alertmanager]),
            ("basic_auth_file", raw.basic_auth_file.is_some(), &[Alertmanager]),
            ("topic", raw.topic.is_some(), &[Ntfy]),
            ("from", raw.from.is_some(), &[Mail]),
            ("to", raw.to.is_some(), &[Mail]),
            ("sendmail", raw.sendmail.is_some(), &[Mail]),
            ("remind", raw.remind.is_some(), &[Webhook, Ntfy, Slack, Mail]),
            ("template", raw.template.is_some(), &[Ntfy, Slack, Alertmanager, Mail]),
            (
                "allow_plain_http",
                raw.allow_plain_http.is_some(),
                &[Webhook, Ntfy, Slack, Alertmanager],
            ),
        ];
        for (key, is_there, kinds) in keys {
            if is_there && !kinds.contains(&kind) {
                let what = format!("`{key}` means nothing to a channel of this kind");
                let names: Vec<_> = kinds.iter().map(|kind| format!("`{}`", word(*kind))).collect();
                let help = format!("remove it; it is for {}", names.join(", "));
                self.refuse::<()>(key, &what, &help);
            }
        }
    }

    fn link(&mut self) -> Option<String> {
        let link = self.raw.link.clone()?;
        if let Err((what, help)) = address::read(&link.replace("{incident}", "X"), Plain::Anywhere)
        {
            return self.refuse("link", &what, &help);
        }
        Some(link)
    }

    fn template(&mut self, kind: ChannelKind) -> Option<Template> {
        let path = self.raw.template.as_deref()?;
        match template::usual(kind)?.read(path) {
            Ok(template) => Some(template),
            Err(Broken(why)) => {
                let help =
                    format!("begin with `phoenix-health-monitor --print-template {}`", word(kind));
                self.refuse("template", &format!("the template cannot be used: {why}"), &help)
            }
        }
    }

    /// Returns after how long people are reminded of what nobody has seen. Alertmanager does that by
    /// itself.
    fn remind(&mut self, kind: ChannelKind) -> Vec<TimeDelta> {
        let minutes = match (&self.raw.remind, kind) {
            (_, ChannelKind::Alertmanager) => return Vec::new(),
            (Some(minutes), _) => minutes.as_slice(),
            (None, _) => &REMIND,
        };
        if minutes.iter().any(|minutes| !(1..=A_WEEK).contains(minutes)) {
            let help = format!(
                "name minutes from 1 to {A_WEEK}, such as `[30, 120]`; `[]` switches reminders off"
            );
            self.refuse::<()>("remind", "these are no pauses between reminders", &help);
        }
        minutes.iter().map(|minutes| TimeDelta::minutes(i64::from(*minutes))).collect()
    }

    pub(super) fn plain(&self) -> Plain {
        if self.raw.allow_plain_http == Some(true) { Plain::Anywhere } else { Plain::Private }
    }

    pub(super) fn url(&mut self, usual: Option<&str>) -> Option<Url> {
        let Some(text) = self.raw.url.as_deref().or(usual) else {
            return self.refuse(
                "url",
                "it is not said where to",
                "name it: `\"url\": \"https://…\"`",
            );
        };
        match address::read(text, self.plain()) {
            Ok(url) => Some(url),
            Err((what, help)) => self.refuse("url", &what, &help),
        }
    }
}

/// Returns the least severity that is told. A machine chooses for itself, a human wants to sleep.
fn least(said: Option<LeastSeverity>, kind: ChannelKind) -> Severity {
    match (said, kind) {
        (Some(LeastSeverity::Info), _) => Severity::Info,
        (Some(LeastSeverity::Notice), _) => Severity::Notice,
        (Some(LeastSeverity::Warn), _)
        | (None, ChannelKind::Webhook | ChannelKind::Alertmanager) => Severity::Warn,
        (Some(LeastSeverity::Page), _)
        | (None, ChannelKind::Ntfy | ChannelKind::Slack | ChannelKind::Mail) => Severity::Page,
    }
}

/// Returns what a kind is called in the file.
pub(crate) fn word(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Webhook => "webhook",
        ChannelKind::Ntfy => "ntfy",
        ChannelKind::Slack => "slack",
        ChannelKind::Alertmanager => "alertmanager",
        ChannelKind::Mail => "mail",
    }
}
