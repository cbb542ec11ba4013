//! `phoenix secrets check`: who has which secret, and what AWS has to allow.

use std::fmt::Write as _;

use phoenix_config::CheckedFleet;
use phoenix_domain::{GuestSpec, SecretName, Verb, Vmid};
use phoenix_secrets::{Outcome, Policy, Report, Secrets};
use serde_json::{Value, json};

use super::plan;
use crate::cli::{ListFormat, SecretsCheckArgs, SecretsCommand};
use crate::config;
use crate::error::{CommandError, EXIT_FAILED, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;

/// What somebody calls a secret, and which key of it, where that is said beside the name.
pub(super) type Wanted = (SecretName, Option<String>);

/// A secret that the files name, and the guests it is for.
struct Named {
    /// As it is written, with its key.
    reference: String,
    wanted: Wanted,
    /// Each guest, and what it knows the secret as.
    by: Vec<(Vmid, String, String)>,
}

pub(super) fn run(command: &SecretsCommand, output: &mut Output) -> Result<u8, CommandError> {
    match command {
        SecretsCommand::Check(args) => check(args, output),
    }
}

fn check(args: &SecretsCheckArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    let named = named(config::fleet(&loaded)?, &args.guests)?;
    let wanted: Vec<_> = named.iter().map(|named| named.wanted.clone()).collect();
    let mut settings = args.secrets.settings();
    if let Some(aws) = &mut settings.aws {
        aws.account.clone_from(&args.aws_account);
        aws.kms_key.clone_from(&args.aws_kms_key);
    }
    let is_aws_asked = settings.aws.is_some();
    let report = session::run(async { Ok(Secrets::new(settings).check(&wanted).await) })?;
    if args.policy {
        return match &report.policy {
            Policy::Least(_) => {
                output.data(&format!("{}\n", report.policy))?;
                Ok(0)
            }
            Policy::NotNeeded => Err(CommandError::NoPolicy { missing: None }),
            Policy::Unknown { missing } => Err(CommandError::NoPolicy { missing: Some(missing) }),
        };
    }
    match args.output {
        ListFormat::Text => output.data(&text(&named, &report))?,
        ListFormat::Json => {
            let document = document(&named, &report);
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    if report.is_complete() {
        return Ok(0);
    }
    if !is_aws_asked {
        output.remark("AWS was not asked: `--aws` does, or PHOENIX_SECRETS_AWS=true")?;
    }
    Ok(if report.may_pass() { EXIT_UNAVAILABLE } else { EXIT_FAILED })
}

/// Returns every secret that some guest is given.
pub(super) fn all(fleet: &CheckedFleet) -> Result<Vec<Wanted>, CommandError> {
    Ok(named(fleet, &[])?.into_iter().map(|named| named.wanted).collect())
}

/// Returns the secrets that guests are given, each once, in the order in which guests come.
fn named(fleet: &CheckedFleet, asked: &[Vmid]) -> Result<Vec<Named>, CommandError> {
    let all: Vec<_> = fleet.guests().map(|guest| guest.vmid).collect();
    let asked = if asked.is_empty() { all } else { plan::once_each(asked) };
    let mut named: Vec<Named> = Vec::new();
    for guest in plan::order(fleet, Verb::Create, &asked)? {
        for (known_as, reference, wanted) in given(guest) {
            let by = (guest.vmid, guest.name.to_string(), known_as);
            match named.iter_mut().find(|named| named.reference == reference) {
                Some(named) => named.by.push(by),
                None => named.push(Named { reference, wanted, by: vec![by] }),
            }
        }
    }
    Ok(named)
}

/// Returns what a guest is given: what it knows it as, how that is written, and what it is.
fn given(guest: &GuestSpec) -> Vec<(String, String, Wanted)> {
    let own = guest.secrets.iter().map(|(known_as, secret)| {
        let wanted = (secret.name().clone(), secret.key().map(str::to_owned));
        (known_as.to_string(), secret.to_string(), wanted)
    });
    let user = guest.machine().and_then(|machine| machine.user.as_ref());
    let password = user.and_then(|user| user.password_hash.as_ref());
    let password = password
        .map(|secret| ("password_hash".to_owned(), secret.to_string(), (secret.clone(), None)));
    own.chain(password).collect()
}

fn text(named: &[Named], report: &Report) -> String {
    let mut text = String::new();
    let mut missing = 0;
    for (named, checked) in named.iter().zip(&report.references) {
        // A String takes everything that is written to it.
        let _written = match &checked.outcome {
            Outcome::Resolves { by } => writeln!(text, "{}  {by}", checked.reference),
            Outcome::Fails { .. } => writeln!(text, "{}  CANNOT BE HAD", checked.reference),
        };
        for (vmid, name, known_as) in &named.by {
            let _written = writeln!(text, "  for {vmid} {name}: {known_as}");
        }
        if let Outcome::Fails { why, advice, .. } = &checked.outcome {
            missing += 1;
            let _written = writeln!(text, "  {why}\n  hint: {advice}");
        }
    }
    let _written = match (named.len(), missing) {
        (0, _) => writeln!(text, "no guest is given a secret"),
        (all, 0) => writeln!(text, "\n{}: all can be had", secrets(all)),
        (all, missing) => writeln!(text, "\n{}: {missing} cannot be had", secrets(all)),
    };
    let _written = match &report.policy {
        Policy::NotNeeded => Ok(()),
        Policy::Unknown { missing } => writeln!(
            text,
            "\nThe least that AWS has to allow cannot be said without the {missing}: \
             --aws-{missing}"
        ),
        Policy::Least(_) => {
            writeln!(text, "\nThe least that AWS has to allow this host:\n{}", report.policy)
        }
    };
    text
}

fn secrets(number: usize) -> String {
    if number == 1 { "1 secret".to_owned() } else { format!("{number} secrets") }
}

fn document(named: &[Named], report: &Report) -> Value {
    let secrets = named.iter().zip(&report.references).map(|(named, checked)| {
        let guests = named.by.iter().map(
            |(vmid, name, known_as)| json!({ "vmid": vmid, "name": name, "knownAs": known_as }),
        );
        json!({
            "reference": checked.reference,
            "outcome": checked.outcome,
            "guests": guests.collect::<Vec<_>>(),
        })
    });
    json!({
        "apiVersion": "phoenix.dev/v1",
        "kind": "SecretReport",
        "secrets": secrets.collect::<Vec<_>>(),
        "policy": report.policy,
    })
}
