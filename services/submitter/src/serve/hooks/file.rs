//! The file that says who may send webhooks, and what is done for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_domain::SourceName;
use phoenix_hooks::{Provider, RawRule, Rule, Source};
use phoenix_secrets::alone;
use serde::Deserialize;

use crate::serve::pace::Pace;
use crate::serve::pushes::{Fleet, RawFleet};

/// How many times as many as a second's a source may send at once, where there were fewer before.
const BURST: f64 = 5.0;

/// What is in the file.
pub(super) struct HooksFile {
    pub(super) sources: BTreeMap<SourceName, (Source, Pace)>,
    pub(super) rules: Vec<Rule>,
    pub(super) fleet: Option<Fleet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    sources: BTreeMap<SourceName, RawSource>,
    #[serde(default)]
    rules: Vec<RawRule>,
    #[serde(default)]
    fleet: Option<RawFleet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    provider: Provider,
    /// Files with a secret each: the one that holds, and the one that held before.
    secret_files: Vec<PathBuf>,
    /// How many deliveries it may send a second, and five times as many at once.
    #[serde(default = "usual_pace")]
    per_second: u32,
}

fn usual_pace() -> u32 {
    100
}

/// Reads the file, or says everything that is wrong with it.
pub(super) fn read(path: &Path) -> Result<HooksFile, Vec<String>> {
    let text = fs::read_to_string(path).map_err(|err| vec![err.to_string()])?;
    let raw: RawFile = serde_json::from_str(&text).map_err(|err| vec![err.to_string()])?;
    let mut wrong = Vec::new();
    let fleet = raw.fleet.map(|fleet| fleet.read(raw.sources.keys())).transpose();
    let fleet = fleet.unwrap_or_else(|why| {
        wrong.extend(why);
        None
    });
    let mut sources = BTreeMap::new();
    for (name, raw) in raw.sources {
        let secrets =
            raw.secret_files.iter().map(|path| alone(path)).collect::<Result<Vec<_>, _>>();
        let source = secrets
            .map_err(|err| format!("`sources.{name}`: {err}; {}", err.advice()))
            .and_then(|secrets| {
                Source::new(name.clone(), raw.provider, &secrets)
                    .map_err(|err| format!("`sources.{name}`: {err}; {}", err.advice()))
            });
        if raw.per_second == 0 {
            wrong.push(format!("`sources.{name}.per_second`: nobody could send anything"));
        }
        match source {
            Ok(source) => {
                let steady = f64::from(raw.per_second);
                sources.insert(name, (source, Pace::new(steady, BURST * steady)));
            }
            Err(why) => wrong.push(why),
        }
    }
    let mut rules = Vec::new();
    for (index, raw) in raw.rules.iter().enumerate() {
        match Rule::try_from(raw) {
            Ok(rule) => rules.push(rule),
            Err(fields) => {
                wrong.extend(fields.iter().map(|field| format!("`rules[{index}]`: {field}")));
            }
        }
        if let Some(why) = not_done_yet(raw) {
            wrong.push(format!("`rules[{index}]`: {why}"));
        }
    }
    if sources.is_empty() && wrong.is_empty() {
        wrong.push("`sources`: nobody may send anything; name one source at least".to_owned());
    }
    if wrong.is_empty() { Ok(HooksFile { sources, rules, fleet }) } else { Err(wrong) }
}

/// Says what of a rule nobody would do.
fn not_done_yet(raw: &RawRule) -> Option<&'static str> {
    raw.approval.then_some("`approval`: nobody is asked yet; take it out")
}
