//! What is said of webhooks: who may send them, and what is done for them.
//!
//! It stands in a file of its own, or under a key of the host's file; whoever reads it there reads it by
//! this. Secrets stand in files of their own, which are opened by whoever is to know them.

mod fleet;
mod safely;

use std::collections::BTreeMap;
use std::path::PathBuf;

use phoenix_domain::{SourceName, Vmid};
use serde::Deserialize;

pub use self::fleet::{Fleet, ForgeKind, RawFleet, RawStatus};
pub use self::safely::{RawSafely, Safely};
use crate::provider::Provider;
use crate::rules::{RawRule, Rule};
use crate::wrong::{WrongField, note};

/// What is said of webhooks, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawWebhooks {
    /// Who may send, by the last part of the address they send to: `/hooks/v1/NAME`.
    pub sources: BTreeMap<String, RawSource>,
    /// What is done when something is pushed to any repository.
    #[serde(default)]
    pub rules: Vec<RawRule>,
    /// The repository that holds the configuration.
    #[serde(default)]
    pub fleet: Option<RawFleet>,
}

/// One sender, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawSource {
    /// Who sends.
    pub provider: Provider,
    /// Files with a secret each: the one that holds, and the one that held before.
    pub secret_files: Vec<PathBuf>,
    /// How many deliveries it may send a second, and five times as many at once. Default: 100.
    #[serde(default = "usual_pace")]
    pub per_second: u32,
}

/// What is said of webhooks.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Who may send.
    pub sources: BTreeMap<SourceName, RawSource>,
    /// What is done for pushes to any repository.
    pub rules: Vec<Rule>,
    /// The repository that holds the configuration.
    pub fleet: Option<Fleet>,
}

fn usual_pace() -> u32 {
    100
}

impl RawWebhooks {
    /// Reads it, or says everything that is wrong with it.
    pub fn read(&self) -> Result<Webhooks, Vec<WrongField>> {
        let mut wrong = Vec::new();
        let mut sources = BTreeMap::new();
        for (text, raw) in &self.sources {
            let field = format!("sources.{text}");
            wrong.extend(raw.wrong().into_iter().map(|one| one.within(&field)));
            if let Some(name) = note(&mut wrong, &field, text.parse::<SourceName>()) {
                sources.insert(name, raw.clone());
            }
        }
        if self.sources.is_empty() {
            let rule = "nobody may send anything; name one source at least";
            wrong.push(WrongField::new("sources", "empty", rule));
        }
        let mut rules = Vec::new();
        for (nth, raw) in self.rules.iter().enumerate() {
            let field = format!("rules[{nth}]");
            match Rule::try_from(raw) {
                Ok(rule) => rules.push(rule),
                Err(fields) => wrong.extend(fields.into_iter().map(|one| one.within(&field))),
            }
        }
        let fleet = self.fleet.as_ref().map(|fleet| fleet.read(&self.sources)).transpose();
        match fleet {
            Ok(fleet) if wrong.is_empty() => Ok(Webhooks { sources, rules, fleet }),
            fleet => {
                let fields = fleet.err().unwrap_or_default();
                wrong.extend(fields.into_iter().map(|one| one.within("fleet")));
                Err(wrong)
            }
        }
    }

    /// Returns the guests it names, each with its field.
    pub fn guests(&self) -> Vec<(String, Vmid)> {
        let mut named = Vec::new();
        let mut name = |field: String, number: u64| {
            named.extend(Vmid::try_from(number).ok().map(|guest| (field, guest)));
        };
        for (nth, rule) in self.rules.iter().enumerate() {
            for (at, number) in rule.guests.iter().enumerate() {
                name(format!("rules[{nth}].guests[{at}]"), *number);
            }
        }
        let safely = self.fleet.as_ref().and_then(|fleet| fleet.safely.as_ref());
        if let Some(canary) = safely.and_then(|safely| safely.canary) {
            name("fleet.safely.canary".to_owned(), canary);
        }
        named
    }
}

impl RawSource {
    fn wrong(&self) -> Vec<WrongField> {
        let mut wrong = Vec::new();
        if self.secret_files.is_empty() {
            let rule = "name the file with the secret that the sender has";
            wrong.push(WrongField::new("secret_files", "empty", rule));
        }
        for (nth, path) in self.secret_files.iter().enumerate() {
            wrong.extend(not_absolute(&format!("secret_files[{nth}]"), path));
        }
        if self.per_second == 0 {
            let rule = "leave it out, or let one a second be sent at least";
            wrong.push(WrongField::new("per_second", "nobody could send anything", rule));
        }
        wrong
    }
}

/// Refuses a path that would be another file wherever the program is started.
fn not_absolute(field: &str, path: &std::path::Path) -> Option<WrongField> {
    let rule = "write the whole path, such as `/etc/phoenix/forge.secret`";
    (!path.is_absolute()).then(|| WrongField::new(field, "no whole path", rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let raw: RawWebhooks = serde_json::from_str(text).unwrap();
        let wrong = raw.read().map(drop).unwrap_err();
        wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn everything_that_is_wrong_is_told_by_its_field() {
        let told = wrong(
            r#"{
                "sources": {
                    "Forge": {"provider": "github", "secret_files": ["forge.secret"]},
                    "lan": {"provider": "proxmox", "secret_files": [], "per_second": 0}
                },
                "rules": [
                    {"repository": "github.com/acme/model", "branch": "main", "guests": [950],
                     "action": "restart", "safely": {"hold_seconds": 60}},
                    {"repository": "github.com/acme/model", "branch": "main", "guests": [950],
                     "action": "redeploy", "window": {"days": []},
                     "safely": {"hold_seconds": 0, "canary": 953}}
                ],
                "fleet": {
                    "source": "elsewhere", "repository": "fleet", "branch": "main", "git": "fleet.git",
                    "status": {"kind": "github", "url": "https://api.github.com",
                        "token_file": "t", "link": "https://phoenix.example.org"}
                }
            }"#,
        );

        insta::assert_snapshot!(told, @r"
        `sources.Forge.secret_files[0]`: no whole path; write the whole path, such as `/etc/phoenix/forge.secret`
        `sources.Forge`: `Forge` is not the name of a source; a source has a name of lower-case letters, digits and `-`, begins with a letter, at most 40 characters
        `sources.lan.secret_files`: empty; name the file with the secret that the sender has
        `sources.lan.per_second`: nobody could send anything; leave it out, or let one a second be sent at least
        `rules[0].safely`: `restart` changes nothing that could go back; leave it out, or take `redeploy`
        `rules[1].window.days`: empty; leave it out, where every day is meant
        `rules[1].safely.hold_seconds`: 0; a guest stays healthy for 1 to 86400 seconds
        `fleet.source`: there is no source `elsewhere`; name one of `sources`
        `fleet.repository`: `fleet` is not a repository; a repository is written `github.com/owner/name`, or as its address
        `fleet.git`: no address that `git` is given; it is `https://…`, `ssh://…`, `git@host:owner/name`, or the path of a folder
        `fleet.status.token_file`: no whole path; write the whole path, such as `/etc/phoenix/forge.secret`
        ");
        let none = wrong(r#"{"sources": {}}"#);
        insta::assert_snapshot!(none, @"`sources`: empty; nobody may send anything; name one source at least");
        let elsewhere = wrong(
            r#"{"sources": {"forge": {"provider": "github", "secret_files": ["/s"]}},
                "rules": [{"repository": "github.com/acme/model", "branch": "main", "guests": [950],
                    "action": "redeploy", "safely": {"hold_seconds": 1, "canary": 953}}]}"#,
        );
        insta::assert_snapshot!(elsewhere, @"`rules[0].safely.canary`: none of the guests of this rule; name one of `guests`");
    }

    #[test]
    fn the_guests_it_names_are_told_with_where_it_does() {
        let text = r#"{
            "sources": {},
            "rules": [{"repository": "r", "branch": "b", "guests": [7, 950], "action": "restart"}],
            "fleet": {"source": "s", "repository": "r", "branch": "b", "git": "g",
                "safely": {"hold_seconds": 1, "canary": 951}}
        }"#;
        let raw: RawWebhooks = serde_json::from_str(text).unwrap();

        let named = raw.guests();

        let named: Vec<_> =
            named.iter().map(|(field, guest)| (field.as_str(), guest.number())).collect();
        assert_eq!(named, [("rules[0].guests[1]", 950), ("fleet.safely.canary", 951)]);
    }
}
