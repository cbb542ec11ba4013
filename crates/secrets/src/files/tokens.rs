//! The token files of the scripts before Phoenix: one file a token, with `NAME=value` in it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::value;

use super::guarded::{Audience, FileError, read};

/// What a token of Hugging Face looks like where it was written in Base64: `hf_…`.
const HF_IN_BASE64: &str = "aGZf";

/// A file with one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFile {
    /// For secrets whose name ends in `hf_token`: a line `HF_TOKEN=…`, or nothing but the token.
    HuggingFace(PathBuf),
    /// For secrets whose name ends in `docker_token`: lines `DOCKER_HUB_USERNAME=…` and
    /// `DOCKER_HUB_TOKEN=…`, read as `user:token`; or nothing but that.
    Docker(PathBuf),
}

/// Returns the token files where the scripts before Phoenix had them, the later place first.
pub fn token_files() -> Vec<TokenFile> {
    ["/usr/local/phoenix_hypervisor/etc", "/usr/local/etc"]
        .map(PathBuf::from)
        .into_iter()
        .flat_map(|folder| {
            [
                TokenFile::HuggingFace(folder.join("phoenix_hf_token.conf")),
                TokenFile::Docker(folder.join("phoenix_docker_token.conf")),
            ]
        })
        .collect()
}

impl TokenFile {
    /// Returns the file, if it is for a secret of this name.
    fn path_for(&self, name: &str) -> Option<&PathBuf> {
        let last = name.rsplit('/').next();
        match self {
            Self::HuggingFace(path) => (last == Some("hf_token")).then_some(path),
            Self::Docker(path) => (last == Some("docker_token")).then_some(path),
        }
    }

    fn token(&self, text: &str) -> Result<SecretString, Failure> {
        match self {
            Self::HuggingFace(path) => {
                let Some(alone) = alone(text) else {
                    let token = assigned(text, &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]);
                    let wanted = "`HF_TOKEN=…`";
                    let token =
                        token.ok_or_else(|| FileError::NoToken { path: path.clone(), wanted })?;
                    return Ok(value::whole(token)?);
                };
                // The first scripts wrote it in Base64, whose letters no token begins with.
                let decoded = alone
                    .starts_with(HF_IN_BASE64)
                    .then(|| STANDARD.decode(alone).ok().map(Zeroizing::new))
                    .flatten();
                Ok(decoded.map_or_else(|| value::whole(alone), |bytes| value::text(&bytes))?)
            }
            Self::Docker(path) => {
                if let Some(alone) = alone(text) {
                    return Ok(value::whole(alone)?);
                }
                let part = |name, wanted| {
                    assigned(text, &[name])
                        .filter(|value| !value.is_empty())
                        .ok_or_else(|| FileError::NoToken { path: path.clone(), wanted })
                };
                let user = part("DOCKER_HUB_USERNAME", "`DOCKER_HUB_USERNAME=…`")?;
                let token = part("DOCKER_HUB_TOKEN", "`DOCKER_HUB_TOKEN=…`")?;
                let mut both = Zeroizing::new(String::with_capacity(user.len() + 1 + token.len()));
                both.push_str(user);
                both.push(':');
                both.push_str(token);
                Ok(value::whole(&both)?)
            }
        }
    }
}

/// Token files, asked in their order.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    files: Vec<TokenFile>,
}

impl Tokens {
    pub(crate) fn new(files: Vec<TokenFile>) -> Self {
        Self { files }
    }

    pub(crate) fn fetch(&self, name: &str) -> Result<Option<SecretString>, Failure> {
        for file in &self.files {
            let Some(path) = file.path_for(name) else { continue };
            let Some(bytes) = read(path, Audience::ItsGroup)? else { continue };
            let text = std::str::from_utf8(&bytes).map_err(|_| crate::ValueError::Binary)?;
            return Ok(Some(file.token(text)?));
        }
        Ok(None)
    }
}

/// Returns the one line of a file that assigns nothing. A token may end in `=` and have none before.
fn alone(text: &str) -> Option<&str> {
    let mut lines = lines(text);
    let first = lines.next().unwrap_or_default();
    let assigns = first.trim_end_matches('=').contains('=');
    (lines.next().is_none() && !assigns && !first.ends_with("_TOKEN=")).then_some(first)
}

/// Returns what is assigned to one of these names, in the quotes of a shell or without.
fn assigned<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    lines(text).find_map(|line| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let quoted = ['"', '\'']
            .into_iter()
            .find_map(|quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
        names.contains(&name).then_some(quoted.unwrap_or(value))
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn hf(text: &str) -> Option<String> {
        read_as(&TokenFile::HuggingFace("/x".into()), text)
    }

    fn docker(text: &str) -> Option<String> {
        read_as(&TokenFile::Docker("/x".into()), text)
    }

    fn read_as(file: &TokenFile, text: &str) -> Option<String> {
        file.token(text).ok().map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn a_token_is_read_in_each_way_the_scripts_wrote_it() {
        for text in [
            "HF_TOKEN=hf_abc\n",
            "# mine\nexport HF_TOKEN=\"hf_abc\"\n",
            "HUGGING_FACE_HUB_TOKEN='hf_abc'",
            "hf_abc\n",
            "aGZfYWJj\n",
        ] {
            assert_eq!(hf(text).as_deref(), Some("hf_abc"), "{text}");
        }
        let both = "DOCKER_HUB_USERNAME=me\nDOCKER_HUB_TOKEN=dckr_=abc=\n";
        assert_eq!(docker(both).as_deref(), Some("me:dckr_=abc="));
        assert_eq!(docker("me:dckr_abc\n").as_deref(), Some("me:dckr_abc"));
    }

    #[test]
    fn half_a_token_is_none() {
        for text in ["", "HF_TOKEN=", "OTHER=1\n", "a\nb\n"] {
            assert_eq!(hf(text), None, "{text:?}");
        }
        for text in ["DOCKER_HUB_TOKEN=x\n", "DOCKER_HUB_USERNAME=\nDOCKER_HUB_TOKEN=x\n"] {
            assert_eq!(docker(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_token_is_for_its_own_secret() {
        let file = TokenFile::HuggingFace("/x".into());

        assert!(file.path_for("phoenix/prod/hf_token").is_some());
        assert!(file.path_for("hf_token").is_some());
        assert!(file.path_for("phoenix/prod/not_hf_token").is_none());
        assert!(file.path_for("hf_token/other").is_none());
    }
}
