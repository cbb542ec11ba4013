//! Says which secrets can be had, and from whom.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::{SecretName, Verdict, chain};
use serde::Serialize;

use crate::aws::AwsError;
use crate::error::SecretError;
use crate::policy::{self, Place, Policy};
use crate::provider::Provider;
use crate::reference::Reference;
use crate::secrets::{Found, Manner, Secrets};
use crate::value;

/// Which secrets can be had, and from whom. Nothing of a value is in here, nor how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every reference, as often and in the order it was asked for.
    pub references: Vec<Checked>,
    /// What AWS has to allow this host, and no more.
    pub policy: Policy,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// As it is written, without `secret://`: `phoenix/prod/redis#password`.
    pub reference: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How it went with a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// It can be had.
    Resolves {
        /// From whom.
        by: Provider,
    },
    /// It cannot.
    Fails {
        /// Why not, with its causes.
        why: String,
        /// What a human can do.
        advice: String,
        /// Whether it may go by itself, so that asking again later makes sense.
        may_pass: bool,
    },
}

impl Report {
    /// Says whether every secret can be had.
    pub fn is_complete(&self) -> bool {
        self.references.iter().all(|checked| matches!(checked.outcome, Outcome::Resolves { .. }))
    }

    /// Says whether all that is missing may be had later, without anybody doing something.
    pub fn may_pass(&self) -> bool {
        self.references.iter().all(|checked| match checked.outcome {
            Outcome::Resolves { .. } => true,
            Outcome::Fails { may_pass, .. } => may_pass,
        })
    }
}

impl Secrets {
    /// Asks for each of these, whatever is remembered, and says who has it.
    pub async fn check(&self, wanted: &[(SecretName, Option<String>)]) -> Report {
        let mut found: BTreeMap<String, Result<Found, SecretError>> = BTreeMap::new();
        let mut references = Vec::new();
        for (name, key) in wanted {
            let outcome = match Reference::new(name, key.as_deref()) {
                Ok(reference) => {
                    let secret = reference.name().to_owned();
                    if !found.contains_key(&secret) {
                        let asked = self.find(&secret, Manner::Anew).await;
                        found.insert(secret.clone(), asked);
                    }
                    let outcome = found.get(&secret).map(|found| outcome(found, &reference));
                    outcome.map(|outcome| (reference.to_string(), outcome))
                }
                Err(err) => Some((name.to_string(), failed(&err))),
            };
            let checked = outcome.map(|(reference, outcome)| Checked { reference, outcome });
            references.extend(checked);
        }
        Report { references, policy: self.policy(&found) }
    }

    /// AWS is asked first, and for every name: one that it does not have and may not be asked for is
    /// denied, not missing. So each name is in the policy.
    fn policy(&self, found: &BTreeMap<String, Result<Found, SecretError>>) -> Policy {
        let Some(aws) = self.aws() else { return Policy::NotNeeded };
        if found.is_empty() {
            return Policy::NotNeeded;
        }
        let settings = aws.settings();
        let Some(region) = aws.region() else { return Policy::Unknown { missing: "region" } };
        let said = settings.account.as_deref().map(|account| Place::of(&region, account));
        let told = || found.values().filter_map(arn).find_map(|arn| Place::told_by(arn, &region));
        let Some(place) = said.or_else(told) else { return Policy::Unknown { missing: "account" } };
        let names: BTreeSet<_> = found.keys().map(String::as_str).collect();
        policy::least(&names, &place, settings.kms_key.as_deref())
    }
}

/// Returns an ARN that has our account in it: that of a secret, or of who was denied it.
fn arn(found: &Result<Found, SecretError>) -> Option<&str> {
    match found {
        Ok(found) => found.arn.as_deref(),
        Err(SecretError::Aws { err: AwsError::Denied { who, .. }, .. }) => who.as_deref(),
        Err(_) => None,
    }
}

fn outcome(found: &Result<Found, SecretError>, reference: &Reference) -> Outcome {
    match found {
        Ok(found) => match value::pick(found.value.clone(), reference.key()) {
            Ok(_) => Outcome::Resolves { by: found.provider.clone() },
            Err(err) => failed(&SecretError::Value {
                name: reference.name().to_owned(),
                provider: found.provider.clone(),
                err,
            }),
        },
        Err(err) => failed(err),
    }
}

fn failed(err: &SecretError) -> Outcome {
    let why = chain(err);
    let may_pass = match err.verdict() {
        Verdict::Retry | Verdict::Wait => true,
        Verdict::AskHuman | Verdict::GiveUp => false,
    };
    Outcome::Fails { why, advice: err.advice(), may_pass }
}
