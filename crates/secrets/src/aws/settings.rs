//! What AWS Secrets Manager is asked with.

use std::time::Duration;

/// What AWS Secrets Manager is asked with. Everything has a default; none of it is a secret.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The region; else what the environment, the profile or the instance says.
    pub region: Option<String>,
    /// Where the service answers, if not where the region says: an endpoint of one's own network.
    pub endpoint: Option<String>,
    /// Which version of a secret is asked for.
    pub stage: String,
    /// How long a value is used before AWS is asked anew.
    pub expiry: Duration,
    /// How much longer it is used where AWS cannot be asked.
    pub grace: Duration,
    /// How long everything about one secret may take, credentials and retries included.
    pub deadline: Duration,
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How often AWS is asked before it is throttled or unreachable.
    pub attempts: u32,
    /// How long the first pause between two attempts is at most; each later one may be twice as long.
    pub pause: Duration,
    /// The account, for the policy; else it is learnt from what AWS answers.
    pub account: Option<String>,
    /// The ARN of the key the secrets are encrypted with, if it is one of the customer's.
    pub kms_key: Option<String>,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            stage: "AWSCURRENT".to_owned(),
            expiry: Duration::from_mins(5),
            grace: Duration::from_hours(1),
            deadline: Duration::from_secs(30),
            attempt: Duration::from_secs(5),
            attempts: 5,
            pause: Duration::from_secs(1),
            account: None,
            kms_key: None,
        }
    }
}
