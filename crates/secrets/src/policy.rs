//! The least that AWS has to allow.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// The least that AWS has to allow this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// AWS is asked for nothing.
    NotNeeded,
    /// It cannot be written without something that nobody said yet.
    Unknown {
        /// What.
        missing: &'static str,
    },
    /// An IAM policy, as JSON.
    Least(Value),
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNeeded => f.write_str("AWS is asked for nothing"),
            Self::Unknown { missing } => write!(f, "no policy without the {missing}"),
            Self::Least(policy) => write!(f, "{policy:#}"),
        }
    }
}

/// Where secrets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Place {
    /// Returns where the account's secrets are in a region.
    pub(crate) fn of(region: &str, account: &str) -> Self {
        Self {
            partition: partition(region).to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        }
    }

    /// Returns what an ARN says: `arn:aws:sts::123456789012:…`; the region it may leave open.
    pub(crate) fn told_by(arn: &str, region: &str) -> Option<Self> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", partition, _, there, account, _] = parts.as_slice() else { return None };
        if partition.is_empty() || account.len() != 12 {
            return None;
        }
        let region = if there.is_empty() { region } else { there };
        Some(Self {
            partition: (*partition).to_owned(),
            region: region.to_owned(),
            account: (*account).to_owned(),
        })
    }

    /// Returns the ARN of a secret. AWS puts `-` and six letters behind a name that nobody knows
    /// beforehand; six `?` stand for them, for `*` would allow longer names, too.
    fn arn(&self, name: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????")
    }
}

/// Returns the least policy for reading these secrets.
pub(crate) fn least(names: &BTreeSet<&str>, place: &Place, kms_key: Option<&str>) -> Policy {
    if names.is_empty() {
        return Policy::NotNeeded;
    }
    let arns: Vec<_> = names.iter().map(|name| place.arn(name)).collect();
    let mut statements = vec![json!({
        "Sid": "PhoenixReadsItsSecrets",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": arns,
    })];
    if let Some(key) = kms_key {
        let suffix = if place.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let service = format!("secretsmanager.{}.{suffix}", place.region);
        statements.push(json!({
            "Sid": "AndDecryptsNothingElse",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": key,
            "Condition": {
                "StringEquals": { "kms:ViaService": service },
                "StringLike": { "kms:EncryptionContext:SecretARN": arns },
            },
        }));
    }
    Policy::Least(json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn partition(region: &str) -> &'static str {
    for (begin, partition) in [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ] {
        if region.starts_with(begin) {
            return partition;
        }
    }
    "aws"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_allows_one_action_on_exactly_these_secrets() {
        let names = BTreeSet::from(["phoenix/prod/redis", "phoenix/prod/hf_token"]);

        let policy = least(&names, &Place::of("eu-central-1", "123456789012"), None);

        let wanted = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "PhoenixReadsItsSecrets",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": [
                    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:phoenix/prod/hf_token-??????",
                    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:phoenix/prod/redis-??????",
                ],
            }],
        });
        assert_eq!(policy, Policy::Least(wanted));
    }

    #[test]
    fn a_key_is_allowed_only_where_it_is_said_and_for_these_secrets_only() {
        let names = BTreeSet::from(["a"]);
        let key = "arn:aws:kms:eu-central-1:123456789012:key/k";

        let policy = least(&names, &Place::of("eu-central-1", "123456789012"), Some(key));

        let Policy::Least(policy) = policy else { panic!("a policy") };
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 2);
        let decrypt = &policy["Statement"][1];
        assert_eq!(
            (&decrypt["Action"], &decrypt["Resource"]),
            (&json!("kms:Decrypt"), &json!(key))
        );
        assert_eq!(
            decrypt["Condition"],
            json!({
                "StringEquals": { "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com" },
                "StringLike": { "kms:EncryptionContext:SecretARN":
                    ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-??????"] },
            })
        );
    }

    #[test]
    fn a_place_is_told_by_a_role_or_by_a_secret() {
        let role = Place::told_by("arn:aws-cn:sts::123456789012:assumed-role/a/b", "cn-north-1");
        assert_eq!(role, Some(Place::of("cn-north-1", "123456789012")));
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf";
        assert_eq!(Place::told_by(secret, "x"), Some(Place::of("eu-west-1", "123456789012")));
        assert_eq!(Place::told_by("arn:aws:s3:::bucket", "x"), None);
        assert_eq!(Place::told_by("nonsense", "x"), None);
    }
}
