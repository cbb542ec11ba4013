//! Which keys ask for a secret, and which values look like one.

/// Says whether what belongs to this key, option or variable is a secret.
pub(crate) fn asks_for_secret(key: &str) -> bool {
    // The cheap half: hardly any key has one of these in it.
    if !["pass", "pw", "token", "secret", "key", "cred", "auth", "bearer"]
        .iter()
        .any(|part| contains(key, part))
    {
        return false;
    }
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        // Half of what logs into Vault, and a secret in spite of its name.
        [.., "secret", "id"] => true,
        [.., last] if NAMES_ANOTHER.contains(last) => false,
        words => {
            words.iter().any(|word| is_secret_word(word))
                || words.windows(2).any(|pair| match pair {
                    [
                        "api" | "private" | "access" | "auth" | "secret" | "encryption" | "signing"
                        | "master" | "preshared" | "session" | "license",
                        "key",
                    ] => true,
                    // `eos_token` is a word of a language model, `max_token` a number of them.
                    [before, "token"] => !OF_A_MODEL.contains(before),
                    _ => false,
                })
                || words.first() == Some(&"token")
        }
    }
}

/// Says whether everything below this key is a secret that a guest is given, or should say where
/// one is kept.
pub(crate) fn gives_secrets(key: &str) -> bool {
    key == "secrets"
}

/// Says whether this may be the name by which a script asks for a secret; it is a file for it.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// `hf_token_file` names a file, `token_url` an address, `--long-prefill-token-threshold` a number.
#[rustfmt::skip]
const NAMES_ANOTHER: &[&str] = &[
    "file", "files", "path", "url", "uri", "name", "id", "ids", "ref", "dir", "policy", "length", "len",
    "type", "count", "limit", "ttl", "threshold", "mode", "budget", "size", "user", "username",
    "endpoint", "issuer", "store", "enabled", "required", "expiry", "provider", "details",
];

const OF_A_MODEL: &[&str] =
    &["eos", "bos", "pad", "unk", "sep", "cls", "mask", "stop", "max", "min", "num", "per"];

fn is_secret_word(word: &str) -> bool {
    ["password", "passwd", "passphrase", "passcode"].iter().any(|part| word.contains(part))
        || [
            "pass",
            "pwd",
            "pw",
            "rootpw",
            "secret",
            "apikey",
            "privatekey",
            "secretkey",
            "accesskey",
            "authkey",
            "authtoken",
            "hftoken",
            "credential",
            "credentials",
            "bearer",
            "authorization",
        ]
        .contains(&word)
}

/// Takes a key apart: `adminPassword`, `ADMIN_PASSWORD` and `--admin-password` are all two words.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    let mut was_lower = false;
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() {
            (begins, was_lower) = (true, false);
            continue;
        }
        if begins || (was_lower && c.is_ascii_uppercase()) {
            words.push(String::new());
            begins = false;
        }
        was_lower = c.is_ascii_lowercase();
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
}

/// Says whether a value in the place of a secret is none: a reference, or nothing yet.
pub(crate) fn is_harmless(value: &str) -> bool {
    let is_variable = value.strip_prefix('$').is_some_and(|rest| {
        rest.starts_with(|c: char| c == '{' || c == '(' || c == '_' || c.is_ascii_uppercase())
    });
    value.is_empty()
        || is_variable
        || value.starts_with("secret://")
        || value.starts_with("{{")
        || (value.starts_with('<') && value.ends_with('>'))
        || value.bytes().all(|byte| byte == b'*')
        || ["NOT_SET", "none", "null"].contains(&value)
}

/// Says whether a value has the form of a well-known kind of secret.
pub(super) fn has_form_of_secret(value: &str) -> bool {
    const PREFIXES: &[(&str, usize)] = &[
        ("hf_", 20),
        ("ghp_", 20),
        ("gho_", 20),
        ("ghs_", 20),
        ("ghu_", 20),
        ("github_pat_", 20),
        ("glpat-", 16),
        ("sk-", 20),
        ("sk_live_", 16),
        ("xoxb-", 16),
        ("xoxp-", 16),
        ("AKIA", 20),
        ("ASIA", 20),
        ("AIza", 39),
        ("dckr_pat_", 16),
        ("whsec_", 16),
        ("hvs.", 20),
        ("npm_", 30),
        ("nvapi-", 30),
        ("ptr_", 30),
        ("tskey-", 20),
        ("AGE-SECRET-KEY-1", 30),
        ("$1$", 20),
        ("$5$", 20),
        ("$6$", 20),
        ("$y$", 20),
        ("$2a$", 20),
        ("$2b$", 20),
        ("$2y$", 20),
        ("$argon2", 20),
    ];
    // The three parts of a JSON Web Token; the first two are JSON in base 64.
    let is_token_of_the_web =
        || value.starts_with("eyJ") && value.len() >= 40 && value.matches('.').count() == 2;
    !value.contains(' ')
        && (is_token_of_the_web()
            || PREFIXES.iter().any(|(prefix, length)| {
                value.starts_with(prefix)
                    && value.len() >= *length
                    // A long name may begin like a key, but has words in it.
                    && value.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            }))
        || is_private_key(value)
}

/// Says whether a text holds a private key in one of its usual wrappings.
pub(super) fn is_private_key(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY")
}

/// Says whether a text has a lower-case ASCII word in it, in whichever case.
pub(super) fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asks_for_a_secret_in_any_spelling() {
        for key in [
            "password",
            "adminPassword",
            "ADMIN_PASSWORD",
            "--api-key",
            "apiKey",
            "API_KEY",
            "hf_token",
            "HF_TOKEN",
            "token",
            "cipassword",
            "db_pass",
            "ssh_private_key",
            "client_secret",
            "vault_secret_id",
            "secretKey",
            "password_hash",
            "Authorization",
            "portainer_admin_password",
            "root_pw",
            "encryption_key",
        ] {
            assert!(asks_for_secret(key), "{key}");
        }
    }

    #[test]
    fn a_key_that_speaks_of_a_secret_asks_for_none() {
        for key in [
            "hf_token_file",
            "secret_files",
            "token_url",
            "--max-num-batched-tokens",
            "keyctl",
            "ssh_public_key",
            "--tokenizer",
            "--long-prefill-token-threshold",
            "eos_token",
            "secret_name",
            "author",
            "key",
            "tokens",
            "password_policy",
            "passthrough",
            "--return-tokens-as-token-ids",
        ] {
            assert!(!asks_for_secret(key), "{key}");
        }
    }

    #[test]
    fn the_form_of_a_secret_is_more_than_its_beginning() {
        for value in [
            "hf_abcdefghijklmnopqrstuVWX",
            "$y$j9T$abcdefghijk$lmnopqrst",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop",
            "-----BEGIN OPENSSH PRIVATE KEY-----\\nabc",
        ] {
            assert!(has_form_of_secret(value), "{value}");
        }
        for value in ["hf_cache", "sk-some-very-long-host-name", "ptr_x", "$HOME", "ASIA", ""] {
            assert!(!has_form_of_secret(value), "{value}");
        }
    }
}
