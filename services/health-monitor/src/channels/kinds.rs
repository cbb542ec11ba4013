//! What each kind of channel needs, and what is said where it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use phoenix_post::{Key, address};
use secrecy::{ExposeSecret as _, SecretString};

use super::alertmanager::Alertmanager;
use super::file::Entry;
use super::mail::{Mail, is_address};
use super::ntfy::Ntfy;
use super::secret::{HOW_TO_SIGN, SHORTEST};
use super::slack::Slack;
use super::webhook::Webhook;

/// Where the program is that takes mails, on most machines.
const SENDMAIL: &str = "/usr/sbin/sendmail";
/// The server of ntfy that everybody may use.
const NTFY: &str = "https://ntfy.sh";

impl Entry<'_> {
    pub(super) fn webhook(&mut self) -> Option<Webhook> {
        let url = self.url(None);
        let Some(path) = self.raw.secret_file.clone() else {
            let what = "nothing signs the messages of this channel";
            let help = format!("name the file of a secret: `\"secret_file\": …`; {HOW_TO_SIGN}");
            return self.refuse("secret_file", what, &help);
        };
        let new = self.signing("secret_file", &path);
        let old = self.raw.old_secret_file.clone();
        let old = old.and_then(|path| self.signing("old_secret_file", &path));
        Some(Webhook { url: url?, secrets: [new?].into_iter().chain(old).collect() })
    }

    pub(super) fn ntfy(&mut self) -> Option<Ntfy> {
        let server = self.url(Some(NTFY));
        let wanted = self.raw.token_file.is_some();
        let key = self.token();
        let is_topic = |topic: &str| {
            (1..=64).contains(&topic.len())
                && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let Some(topic) = self.raw.topic.clone().filter(|topic| is_topic(topic)) else {
            let help = "name it: 1 to 64 letters, digits, `-` and `_`; on a server without tokens, \
                        whoever knows it can read along";
            return self.refuse("topic", "this channel has no topic that ntfy takes", help);
        };
        if wanted && key.is_none() {
            return None;
        }
        Some(Ntfy { server: server?, topic, key })
    }

    pub(super) fn slack(&mut self) -> Option<Slack> {
        let Some(path) = self.raw.url_file.clone() else {
            let help = "its address is its secret: write it into a file with mode 600, and name \
                        that: `\"url_file\": …`";
            return self.refuse("url_file", "it is not said where to", help);
        };
        let url = self.secret("url_file", &path)?;
        let text = url.expose_secret().trim();
        let at = path.display();
        if text.len() < SHORTEST {
            let what = format!("the address in {at} is too short to be a secret");
            return self.refuse("url_file", &what, "take that of an incoming webhook, as it is");
        }
        if let Err((what, help)) = address::read(text, self.plain()) {
            return self.refuse("url_file", &format!("{at}: {what}"), &help);
        }
        Some(Slack { url })
    }

    pub(super) fn alertmanager(&mut self) -> Option<Alertmanager> {
        let server = self.url(None);
        let (token, basic) = (self.raw.token_file.is_some(), self.raw.basic_auth_file.clone());
        let key = match basic {
            Some(_) if token => {
                let what = "this channel has a token and a password";
                return self.refuse("basic_auth_file", what, "take one of the two");
            }
            Some(path) => {
                let both = self.secret("basic_auth_file", &path)?;
                let text = both.expose_secret().trim();
                let Some((_, password)) = text.split_once(':') else {
                    let what = format!("what is in {} is not `user:password`", path.display());
                    return self.refuse("basic_auth_file", &what, "write both on one line");
                };
                self.secrets.push(SecretString::from(password));
                self.key("basic_auth_file", &path, password)?;
                Some(Key::Basic(SecretString::from(text)))
            }
            None if token => Some(self.token()?),
            None => None,
        };
        Some(Alertmanager { url: address::below(&server?, "api/v2/alerts"), key })
    }

    pub(super) fn mail(&mut self) -> Option<Mail> {
        let raw = self.raw;
        let help = "write it bare, such as `oncall@example.org`";
        let from = raw.from.clone().filter(|from| is_address(from));
        if from.is_none() {
            self.refuse::<()>("from", "this channel has no address that mails come from", help);
        }
        let to = raw.to.clone().unwrap_or_default();
        let is_good = !to.is_empty() && to.iter().all(|to| is_address(to));
        if !is_good {
            self.refuse::<()>("to", "these are no addresses that mails can go to", help);
        }
        let sendmail = raw.sendmail.clone().unwrap_or_else(|| PathBuf::from(SENDMAIL));
        let is_program = sendmail.is_absolute()
            && fs::metadata(&sendmail)
                .is_ok_and(|seen| seen.is_file() && seen.permissions().mode() & 0o111 != 0);
        if !is_program {
            let what = format!("{} is no program that can be run", sendmail.display());
            let help = "install one that takes mails, such as `msmtp-mta` or `postfix`; or name it \
                        with its whole path: `\"sendmail\": …`";
            return self.refuse("sendmail", &what, help);
        }
        is_good.then_some(Mail { from: from?, to, sendmail })
    }
}
