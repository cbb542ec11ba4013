//! Whether guests get the secrets they are promised, and nobody else can read them.

use std::path::{Path, PathBuf};

use phoenix_bus::Key;
use phoenix_config::Loaded;
use phoenix_secrets::{Audience, Outcome, Secrets, is_guarded};
use phoenix_setup::Host;

use super::nats::said;
use super::report::{Report, command};
use crate::cli::DoctorArgs;
use crate::commands::secrets;
use crate::words;

const CHECK: &str = "secrets";
/// Where `phoenix nats init` puts keys.
const KEYS: &str = "/etc/phoenix/nats/keys";

pub(super) async fn look(
    args: &DoctorArgs,
    loaded: Option<&Loaded>,
    host: &Host,
    report: &mut Report,
) {
    match loaded.map(|loaded| loaded.fleet.as_ref()) {
        None => {
            report.not_looked_at(CHECK, "without a configuration nobody knows which are needed");
        }
        Some(None) => report.not_looked_at(CHECK, "the configuration is refused"),
        Some(Some(fleet)) => match secrets::all(fleet) {
            Ok(wanted) => to_be_had(args, &wanted, report).await,
            Err(err) => report.not_looked_at(CHECK, said(&err)),
        },
    }
    guarded(args, loaded, host, report);
}

/// Says which secrets cannot be had here, never what one is.
async fn to_be_had(args: &DoctorArgs, wanted: &[secrets::Wanted], report: &mut Report) {
    if wanted.is_empty() {
        return report.ok(CHECK, "no guest is given one");
    }
    let checked = Secrets::new(args.secrets.settings()).check(wanted).await;
    for reference in &checked.references {
        if let Outcome::Fails { why, .. } = &reference.outcome {
            let found = format!("{} cannot be had: {why}", reference.reference);
            report.wrong(CHECK, found, "phoenix secrets check");
        }
    }
    if checked.is_complete() {
        report.ok(CHECK, format!("{} can be had", words::count(wanted.len(), "secret", "secrets")));
    }
}

/// Says which files with secrets or keys can be read by others.
fn guarded(args: &DoctorArgs, loaded: Option<&Loaded>, host: &Host, report: &mut Report) {
    let check = "secret files";
    let webhooks = loaded.and_then(|loaded| loaded.webhooks.as_ref());
    let of_senders = webhooks
        .into_iter()
        .flat_map(|webhooks| webhooks.sources.values())
        .flat_map(|source| &source.secret_files);
    let of_forge =
        webhooks.and_then(|webhooks| Some(&webhooks.fleet.as_ref()?.status.as_ref()?.token_file));
    let connect = &args.list.connect;
    let given = of_senders.chain(of_forge).chain(&connect.nats_creds);
    let own = connect.nats_nkey_file.iter().chain([&args.secrets.secrets_file]);
    let given = given.map(|path| (path, Audience::GivenByRoot));
    let named = given.chain(own.map(|path| (path, Audience::Nobody)));
    let mut there = 0;
    for (path, audience) in named.filter(|(path, _)| !path.as_os_str().is_empty()) {
        match is_guarded(path, audience) {
            Ok(is_there) => there += usize::from(is_there),
            Err(err) => {
                let advice = err.advice();
                let remedy = command(&advice).map_or_else(|| advice.clone(), str::to_owned);
                report.wrong(check, err.to_string(), remedy);
            }
        }
    }
    for key in keys(host) {
        match Key::read(&key) {
            Ok(_) => there += 1,
            Err(err) => report.wrong(
                check,
                phoenix_domain::chain(&err),
                format!("chmod 600 {}", key.display()),
            ),
        }
    }
    match there {
        0 => report.ok(check, "none of them is on this machine"),
        more => report.ok(check, format!("{more} can be read by nobody else")),
    }
}

/// Returns the keys for NATS that were made on this host.
fn keys(host: &Host) -> Vec<PathBuf> {
    let names = host.names(KEYS).unwrap_or_default();
    let keys =
        names.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "nk"));
    keys.map(|name| host.at(KEYS).join(name)).collect()
}
