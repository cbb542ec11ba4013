//! Who may send webhooks, with their secrets, and what is done for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_config::{File, Loaded, as_text};
use phoenix_domain::SourceName;
use phoenix_hooks::{RawSource, RawWebhooks, Rule, Source};
use phoenix_secrets::alone;

use crate::cli::ServeArgs;
use crate::config;
use crate::error::CommandError;
use crate::serve::pace::Pace;
use crate::serve::pushes::{Forge, Origin};

/// How many times as many as a second's a source may send at once, where there were fewer before.
const BURST: f64 = 5.0;

/// What is said of webhooks, with all the secrets that it takes.
pub(super) struct Opened {
    pub(super) sources: BTreeMap<SourceName, (Source, Pace)>,
    pub(super) rules: Vec<Rule>,
    pub(super) origin: Option<Origin>,
}

/// Finds what is said of webhooks: in a file of its own, or in the host's file. Returns it with that file.
pub(super) fn find(args: &ServeArgs) -> Result<Option<(PathBuf, RawWebhooks)>, CommandError> {
    let loaded = match config::read_host(&args.config) {
        Ok(loaded) => Some(loaded),
        // Where there is no configuration, everything is shown all the same.
        Err(CommandError::NoConfig { .. }) => None,
        Err(err) => return Err(err),
    };
    let of_host =
        || Ok::<_, CommandError>(config::folder(&args.config)?.join(File::Hypervisor.name()));
    match (&args.hooks, loaded) {
        (Some(hooks), Some(Loaded { webhooks: Some(_), .. })) => {
            Err(CommandError::HooksTwice { hooks: hooks.clone(), config: of_host()? })
        }
        (Some(path), _) => Ok(Some((path.clone(), read(path)?))),
        (None, Some(loaded)) if loaded.refuses_webhooks() => {
            let wrong = as_text(&loaded, true);
            Err(CommandError::HooksRefused { path: of_host()?, wrong: wrong.trim_end().to_owned() })
        }
        (None, Some(Loaded { webhooks: Some(raw), .. })) => Ok(Some((of_host()?, raw))),
        (None, _) => Ok(None),
    }
}

/// Returns what may be wrong with a file about webhooks alone, as `phoenix check` says it of the same in the
/// host's file: guests of rules that no file on this machine has. They may come before a push does.
pub(super) fn doubts(args: &ServeArgs, raw: &RawWebhooks) -> Vec<String> {
    let Ok(loaded) = config::read(&args.config) else { return Vec::new() };
    // What is said of `fleet` is about the files of the repository.
    let of_rules = raw.guests().into_iter().filter(|(field, _)| field.starts_with("rules"));
    let unknown = of_rules.filter(|(_, guest)| !loaded.knows(*guest));
    unknown
        .map(|(field, guest)| {
            let near = loaded.near(guest);
            let near = if near.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", near.join(" or "))
            };
            format!("`{field}` is guest {guest}, which no file has{near}")
        })
        .collect()
}

/// Reads a file about webhooks alone.
fn read(path: &Path) -> Result<RawWebhooks, CommandError> {
    let refused = |wrong| CommandError::HooksRefused { path: path.to_owned(), wrong };
    let text = fs::read_to_string(path).map_err(|err| refused(err.to_string()))?;
    serde_json::from_str(&text).map_err(|err| refused(err.to_string()))
}

/// Reads what is written and opens its secrets, or says everything that is wrong with it.
pub(super) fn open(raw: &RawWebhooks) -> Result<Opened, Vec<String>> {
    let said = raw.read().map_err(|wrong| wrong.iter().map(ToString::to_string).collect());
    // The secrets are told of even where something else is wrong: whoever mends it mends both.
    let mut wrong: Vec<String> = said.as_ref().err().cloned().unwrap_or_default();
    let mut sources = BTreeMap::new();
    for (text, raw) in &raw.sources {
        let Ok(name) = text.parse::<SourceName>() else { continue };
        match source(&name, raw) {
            Ok(source) => {
                let steady = f64::from(raw.per_second);
                sources.insert(name, (source, Pace::new(steady, BURST * steady)));
            }
            Err(why) => wrong.push(format!("`sources.{name}`: {why}")),
        }
    }
    let said = said.map_err(|_| wrong.clone())?;
    let origin = said.fleet.map(|fleet| {
        let status = fleet.status.as_ref();
        let forge = status.map(|status| Forge::open(status, &fleet.repository)).transpose();
        let forge = forge.unwrap_or_else(|why| {
            wrong.extend(why.iter().map(|why| format!("`fleet.status.{why}")));
            None
        });
        Origin { fleet, forge }
    });
    let rules = said.rules;
    if wrong.is_empty() { Ok(Opened { sources, rules, origin }) } else { Err(wrong) }
}

/// Opens the secrets of a source.
fn source(name: &SourceName, raw: &RawSource) -> Result<Source, String> {
    let secrets = raw.secret_files.iter().map(|path| alone(path)).collect::<Result<Vec<_>, _>>();
    let secrets = secrets.map_err(|err| format!("{err}; {}", err.advice()))?;
    Source::new(name.clone(), raw.provider.clone(), &secrets)
        .map_err(|err| format!("{err}; {}", err.advice()))
}
