//! Reading what the health monitor asks a guest, and how it treats it.

use phoenix_domain::health::{Ask, Care, Declared, Mode, Probe};
use phoenix_domain::{GuestSpec, Refused};

use super::{Reading, parts};
use crate::code::{Code, code};
use crate::finding::Finding;
use crate::place::Place;
use crate::raw::lenient::{OneOrMany, Whole};
use crate::raw::shared::{RawHealth, RawProbe};
use crate::rules::{did_you_mean, listed};
use crate::secrets;

pub(crate) static MISFIT: Code = code!("0714", Error, "a key does not fit the type of its probe");
pub(crate) static NAMED_TWICE: Code =
    code!("0715", Error, "two probes of a guest have the same name");
pub(crate) static UNDECLARED: Code =
    code!("0716", Error, "a probe needs a secret that its guest does not have");

/// Reads the probes of a guest that is read but for them.
pub(super) fn probes(
    reading: &mut Reading<'_>,
    raw: Option<Vec<RawProbe>>,
    guest: &GuestSpec,
) -> Vec<Declared> {
    let mut probes: Vec<Declared> = Vec::new();
    for (nth, raw) in raw.into_iter().flatten().enumerate() {
        let at = reading.at("probes").index(nth);
        let declared = if raw.off == Some(true) {
            off(reading, &at, &raw)
        } else {
            asked(reading, &at, raw, guest)
        };
        let Some(declared) = declared else { continue };
        if probes.iter().any(|other| other.name() == declared.name()) {
            let message = format!("another probe of this guest is called `{}`", declared.name());
            reading.tell(Finding::new(&NAMED_TWICE, at, message).help(
                "give one of them a `name` of its own; without one, a probe is called by its `type`",
            ));
            continue;
        }
        probes.push(declared);
    }
    probes
}

/// Reads how the health monitor treats a guest.
pub(super) fn health(reading: &mut Reading<'_>, raw: Option<RawHealth>) -> Care {
    let Some(raw) = raw else { return Care::default() };
    let at = reading.at("health");
    let mode = raw.mode.filter(|mode| !mode.is_empty());
    Care {
        mode: mode.and_then(|mode| reading.word::<Mode>(at.clone().key("mode"), &mode)),
        stateless: raw.stateless,
        start_deadline: seconds(reading, &at, raw.start_deadline),
    }
}

/// Reads a probe that is not asked. Nothing but its name matters.
fn off(reading: &mut Reading<'_>, at: &Place, raw: &RawProbe) -> Option<Declared> {
    for key in given(raw) {
        let message = format!("`{key}` is said of a probe that is not asked");
        let help = "take it out, or take `off` out";
        reading.tell(Finding::new(&MISFIT, at.clone().key(key).named(), message).help(help));
    }
    let name = raw.name.as_deref().or(raw.kind.as_deref());
    let help = "say by its `name` which probe is not asked";
    let name = reading.required(at.clone(), name, "name", help)?;
    Some(Declared::Off(name.into()))
}

fn asked(
    reading: &mut Reading<'_>,
    at: &Place,
    raw: RawProbe,
    guest: &GuestSpec,
) -> Option<Declared> {
    let help = "say who is asked, by a `type` such as `http`";
    let kind = reading.required(at.clone(), raw.kind.as_deref(), "type", help)?;
    if kind == "command" {
        let message = "a command is not a probe of its own: the worker runs it in the guest";
        let help = "write it as a `health_check`, which the probe `inside` is made of";
        reading.tell(Finding::new(&MISFIT, at.clone().key("type"), message).help(help));
        return None;
    }
    if !Ask::KINDS.contains(&kind) {
        let refused = Refused::new(
            kind,
            "a type of probe",
            "a type is `vllm`, `qdrant`, `ollama`, `llamacpp`, `http`, `tcp`, `postgresql`, \
             `redis`, `nginx` or `docker`",
        );
        return reading.taken(at.clone().key("type"), Err(refused));
    }
    for key in given(&raw).filter(|key| !fitting(kind).contains(key)) {
        let message = format!("a probe of the type `{kind}` has no `{key}`");
        let known = listed(fitting(kind).iter().map(|key| format!("`{key}`")));
        let finding = Finding::new(&MISFIT, at.clone().key(key).named(), message);
        reading.tell(finding.help(format!("take it out; of this type are {known}")));
    }
    let name = name(reading, at, raw.name.as_deref().unwrap_or(kind))?;
    let start_deadline = seconds(reading, at, raw.start_deadline);
    let key = raw.key.as_deref().and_then(|key| key_of(reading, at, key, guest));
    let port = raw.port.and_then(|port| parts::port(reading, at.clone().key("port"), port));
    let ask = if let Some(ask) = Ask::usual(kind, guest) {
        ask
    } else {
        let help = "say at which port it listens";
        reading.required(at.clone(), raw.port, "port", help)?;
        Ask::Tcp { port: port? }
    };
    let ask = match port {
        Some(port) => ask.at_port(port),
        None => ask,
    };
    let ask = refined(reading, at, ask, raw);
    Some(Declared::Asked(Probe { name, ask, start_deadline, key }))
}

/// Says more exactly what is asked.
fn refined(reading: &mut Reading<'_>, at: &Place, mut ask: Ask, raw: RawProbe) -> Ask {
    let text = |text: String| text.into_boxed_str();
    let texts = |list: Option<OneOrMany<String>>| {
        list.into_iter().flat_map(|list| list.0).map(String::into_boxed_str).collect()
    };
    match &mut ask {
        Ask::Vllm { model, .. } | Ask::LlamaCpp { model, .. } => {
            *model = raw.model.map(text).or_else(|| model.take());
        }
        Ask::Qdrant { collections, .. } => *collections = texts(raw.collections),
        Ask::Ollama { models, .. } => *models = texts(raw.models),
        Ask::Http { path, status, contains, .. } => {
            if let Some(page) = page(reading, at, raw.path) {
                *path = page;
            }
            *status = raw.status.and_then(|status| code_of(reading, at, status));
            if raw.contains.as_deref() == Some("") {
                let place = at.clone().key("contains");
                let finding = Finding::new(&MISFIT, place, "every answer contains nothing");
                reading.tell(finding.help("say what has to come, or take the key out"));
            }
            *contains = raw.contains.map(text);
        }
        Ask::Nginx { path, .. } => {
            if let Some(page) = page(reading, at, raw.path) {
                *path = page;
            }
        }
        Ask::Docker { containers } => *containers = texts(raw.containers),
        Ask::Tcp { .. } | Ask::Postgresql { .. } | Ask::Redis { .. } | Ask::Inside => {}
    }
    ask
}

/// Returns which of the keys are written that not every probe has.
fn given(raw: &RawProbe) -> impl Iterator<Item = &'static str> {
    [
        ("port", raw.port.is_some()),
        ("path", raw.path.is_some()),
        ("status", raw.status.is_some()),
        ("contains", raw.contains.is_some()),
        ("model", raw.model.is_some()),
        ("models", raw.models.is_some()),
        ("collections", raw.collections.is_some()),
        ("containers", raw.containers.is_some()),
        ("start_deadline", raw.start_deadline.is_some()),
        ("key", raw.key.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, is_given)| is_given.then_some(key))
}

/// Returns which of them fit a type.
fn fitting(kind: &str) -> &'static [&'static str] {
    match kind {
        "vllm" | "llamacpp" => &["port", "model", "key", "start_deadline"],
        "qdrant" => &["port", "collections", "key", "start_deadline"],
        "ollama" => &["port", "models", "key", "start_deadline"],
        "http" => &["port", "path", "status", "contains", "key", "start_deadline"],
        "nginx" => &["port", "path", "start_deadline"],
        "docker" => &["containers", "start_deadline"],
        _ => &["port", "start_deadline"],
    }
}

/// Reads the name of a probe, which is a part of the subject under which its findings are told.
fn name(reading: &mut Reading<'_>, at: &Place, text: &str) -> Option<Box<str>> {
    let refused = |rule| Refused::new(text, "the name of a probe", rule);
    let name = if text == Ask::INSIDE {
        Err(refused("`inside` is what the worker finds in the guest; call it something else"))
    } else if secrets::is_name(text) {
        Ok(text.into())
    } else {
        Err(refused(
            "a name has letters, digits, `-` and `_`, begins with a letter, at most 64 characters",
        ))
    };
    reading.taken(at.clone().key("name"), name)
}

/// Reads which secret of the guest lets the monitor in.
fn key_of(reading: &mut Reading<'_>, at: &Place, key: &str, guest: &GuestSpec) -> Option<Box<str>> {
    if guest.secrets.contains_key(key) {
        return Some(key.into());
    }
    // What is no name may be the key itself, so it is not repeated.
    let is_name = secrets::is_name(key) && secrets::inside(key).is_empty();
    let message = if is_name {
        format!("`key` names the secret `{key}`, which is not among the `secrets` of this guest")
    } else {
        "`key` is not the name of one of the `secrets` of this guest".to_owned()
    };
    let finding = Finding::new(&UNDECLARED, at.clone().key("key"), message);
    let near = did_you_mean(key, guest.secrets.keys().map(AsRef::as_ref));
    reading.tell(match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(
            "say under this name where it is kept: `\"secrets\": { \"NAME\": \"secret://…\" }`",
        ),
    });
    None
}

fn page(reading: &mut Reading<'_>, at: &Place, path: Option<String>) -> Option<Box<str>> {
    let path = path?;
    let is_path = path.starts_with('/') && !path.contains(|c: char| c.is_control() || c == ' ');
    let refused =
        || Refused::new(&path, "a path of a page", "it begins with `/` and has no blanks in it");
    let path = if is_path { Ok(path.as_str().into()) } else { Err(refused()) };
    reading.taken(at.clone().key("path"), path)
}

fn code_of(reading: &mut Reading<'_>, at: &Place, Whole(number): Whole) -> Option<u16> {
    let status = u16::try_from(number).ok().filter(|status| (100..600).contains(status));
    let refused = || Refused::new(number.to_string(), "a status", "a status is from 100 to 599");
    reading.taken(at.clone().key("status"), status.ok_or_else(refused))
}

fn seconds(reading: &mut Reading<'_>, at: &Place, raw: Option<Whole>) -> Option<u32> {
    const LONGEST: u64 = 7 * 24 * 3600;
    let Whole(number) = raw?;
    let seconds = u32::try_from(number).ok().filter(|_| (1..=LONGEST).contains(&number));
    let refused = || {
        let rule = "a deadline is from 1 second to a week of them, 604800";
        Refused::new(number.to_string(), "a deadline", rule)
    };
    reading.taken(at.clone().key("start_deadline"), seconds.ok_or_else(refused))
}
