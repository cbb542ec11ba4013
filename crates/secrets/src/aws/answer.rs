//! What an answer of AWS means.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;

use super::error::AwsError;
use super::settings::Aws;

/// What is allowed to whom it is not denied.
const GET: &str = "secretsmanager:GetSecretValue";

/// What an answer without a value means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such secret, or no such version of it.
    NotFound,
    Failed(AwsError),
}

/// Says what an answer without a value means. Only codes are taken out of it: an answer that cannot
/// be understood may hold a value, and so may whatever quotes it.
pub(super) fn meaning(err: &SdkError<GetSecretValueError>, name: &str, asked: &Aws) -> Meaning {
    let failed = match err {
        SdkError::ServiceError(refused) => {
            let said = Said {
                code: refused.err().code(),
                message: refused.err().message().unwrap_or_default(),
                status: err.raw_response().map(|response| response.status().as_u16()),
            };
            return said.meaning(name, asked);
        }
        SdkError::TimeoutError(_) => too_late(asked),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => too_late(asked),
        SdkError::DispatchFailure(_) => undispatched(err),
        SdkError::ResponseError(_) => AwsError::Unreadable,
        // A request that cannot be built, or what a later version tells apart.
        SdkError::ConstructionFailure(_) | _ => {
            AwsError::Refused { code: "no request could be made".to_owned() }
        }
    };
    Meaning::Failed(failed)
}

/// What the service said.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    code: Option<&'a str>,
    message: &'a str,
    status: Option<u16>,
}

impl Said<'_> {
    fn meaning(self, name: &str, asked: &Aws) -> Meaning {
        let code = || {
            self.code.filter(|code| is_plain(code)).map_or_else(
                || {
                    self.status
                        .map_or_else(|| "no code".to_owned(), |status| format!("HTTP {status}"))
                },
                ToOwned::to_owned,
            )
        };
        let failed = match self.code.unwrap_or_default() {
            "ResourceNotFoundException" => return Meaning::NotFound,
            "AccessDeniedException" | "AccessDenied" => self.denied(name, asked),
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "SlowDown" => AwsError::Throttled { attempts: asked.attempts },
            "DecryptionFailure" | "DecryptionFailureException" => {
                AwsError::NotDecrypted { code: code() }
            }
            kms if kms.starts_with("KMS") => AwsError::NotDecrypted { code: code() },
            "InvalidRequestException" if self.message.contains("marked") => AwsError::Deleted,
            "ExpiredTokenException"
            | "ExpiredToken"
            | "RequestExpired"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "AuthFailure"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => {
                AwsError::CredentialsRefused { code: code() }
            }
            _ if self.status == Some(429) => AwsError::Throttled { attempts: asked.attempts },
            "InternalServiceError"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => AwsError::OutOfOrder { code: code() },
            _ if self.status.is_some_and(|status| status >= 500) => {
                AwsError::OutOfOrder { code: code() }
            }
            _ => AwsError::Refused { code: code() },
        };
        Meaning::Failed(failed)
    }

    /// Takes the nouns out of `User: ARN is not authorized to perform: ACTION on resource: ARN …`.
    fn denied(self, name: &str, asked: &Aws) -> AwsError {
        let noun = |after: &str| {
            let (_, rest) = self.message.split_once(after)?;
            let noun = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
            is_plain(noun).then(|| noun.to_owned())
        };
        let who = noun("User: ");
        if self.message.contains("KMS") && !self.message.contains("perform:") {
            let resource = asked.kms_key.clone();
            return AwsError::Denied {
                action: "kms:Decrypt".to_owned(),
                resource: resource.unwrap_or_else(|| format!("the key of {name}")),
                who,
            };
        }
        AwsError::Denied {
            action: noun("perform: ").unwrap_or_else(|| GET.to_owned()),
            resource: noun("on resource: ").unwrap_or_else(|| name.to_owned()),
            who,
        }
    }
}

fn too_late(asked: &Aws) -> AwsError {
    let why = format!("no answer in {:?}", asked.attempt);
    AwsError::Unreachable { what: "AWS Secrets Manager", why }
}

/// Says why nothing was sent: whose fault that is stands somewhere in the chain of causes.
fn undispatched(err: &(dyn Error + 'static)) -> AwsError {
    let mut cause = Some(err);
    let mut io = None;
    while let Some(err) = cause {
        if let Some(err) = err.downcast_ref::<CredentialsError>() {
            return credentials(err);
        }
        if let Some(err) = err.downcast_ref::<io::Error>() {
            io = Some(err.kind());
        }
        cause = err.source();
    }
    let why = io.map_or_else(|| "there is no connection".to_owned(), |kind| kind.to_string());
    AwsError::Unreachable { what: "AWS Secrets Manager", why }
}

fn credentials(err: &CredentialsError) -> AwsError {
    let unreachable = |why: &str| AwsError::Unreachable {
        what: "what gives this host its AWS credentials",
        why: why.to_owned(),
    };
    match err {
        CredentialsError::CredentialsNotLoaded(_) => AwsError::NoCredentials,
        CredentialsError::InvalidConfiguration(_) => AwsError::BadConfiguration,
        CredentialsError::ProviderTimedOut(_) => unreachable("no answer in time"),
        // Or what a later version tells apart.
        CredentialsError::ProviderError(_) | CredentialsError::Unhandled(_) | _ => {
            unreachable("it failed")
        }
    }
}

/// Says whether a word is a code or an ARN, and nothing that could be something else.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 256
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_+=.@*?-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(code: Option<&str>, message: &str, status: u16) -> Meaning {
        let asked = Aws { kms_key: Some("arn:aws:kms:eu:1:key/k".to_owned()), ..Aws::default() };
        Said { code, message, status: Some(status) }.meaning("phoenix/x", &asked)
    }

    #[test]
    fn a_refusal_is_told_from_every_other() {
        let code = |code: &str| code.to_owned();
        for (said, status, meaning) in [
            ("ResourceNotFoundException", 400, Meaning::NotFound),
            ("ThrottlingException", 400, Meaning::Failed(AwsError::Throttled { attempts: 5 })),
            ("Anything", 429, Meaning::Failed(AwsError::Throttled { attempts: 5 })),
            (
                "DecryptionFailure",
                400,
                Meaning::Failed(AwsError::NotDecrypted { code: code("DecryptionFailure") }),
            ),
            (
                "ExpiredTokenException",
                400,
                Meaning::Failed(AwsError::CredentialsRefused {
                    code: code("ExpiredTokenException"),
                }),
            ),
            (
                "InternalServiceError",
                500,
                Meaning::Failed(AwsError::OutOfOrder { code: code("InternalServiceError") }),
            ),
            (
                "InvalidParameterException",
                400,
                Meaning::Failed(AwsError::Refused { code: code("InvalidParameterException") }),
            ),
        ] {
            assert_eq!(meant(Some(said), "", status), meaning, "{said}");
        }
        let unnamed = AwsError::OutOfOrder { code: code("HTTP 503") };
        assert_eq!(meant(None, "", 503), Meaning::Failed(unnamed));
    }

    #[test]
    fn a_denial_names_action_resource_and_role() {
        let message = "User: arn:aws:sts::123456789012:assumed-role/pve/i-1 is not authorized to \
             perform: secretsmanager:GetSecretValue on resource: phoenix/x because no \
             identity-based policy allows the secretsmanager:GetSecretValue action";

        let denied = AwsError::Denied {
            action: GET.to_owned(),
            resource: "phoenix/x".to_owned(),
            who: Some("arn:aws:sts::123456789012:assumed-role/pve/i-1".to_owned()),
        };

        assert_eq!(meant(Some("AccessDeniedException"), message, 400), Meaning::Failed(denied));
    }

    #[test]
    fn a_denial_of_the_key_is_not_one_of_the_secret() {
        let denied = AwsError::Denied {
            action: "kms:Decrypt".to_owned(),
            resource: "arn:aws:kms:eu:1:key/k".to_owned(),
            who: None,
        };

        let message = "Access to KMS is not allowed";
        assert_eq!(meant(Some("AccessDeniedException"), message, 400), Meaning::Failed(denied));
    }

    #[test]
    fn what_is_no_code_is_not_repeated() {
        let meaning = meant(Some("canary value"), "canary value", 418);

        assert_eq!(meaning, Meaning::Failed(AwsError::Refused { code: "HTTP 418".to_owned() }));
    }
}
