//! One change of a host: a state to be in, what it is for, and what it costs.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

/// How long an ordinary command may take.
const USUAL: Duration = Duration::from_mins(2);

/// One change of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostChange {
    /// What is made so.
    pub act: Act,
    /// Why.
    pub why: String,
    /// What that costs.
    pub impact: Impact,
    /// What it comes to, line by line, where that is not seen in what is made so.
    pub detail: Vec<String>,
}

/// What a change costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Nothing that anybody notices.
    Live,
    /// Programs are exchanged, and services started anew with them.
    Restarts,
    /// It counts from the next boot on.
    Reboot,
    /// Connections may be cut.
    Network,
    /// What is stored is lost.
    Destroys,
}

/// What is made so.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// A file is this text, whole.
    File(FileChange),
    /// A folder is there, with this mode and owner.
    Folder {
        /// Its path on the host.
        path: String,
        /// Its mode.
        mode: u32,
        /// Whom it belongs to.
        owner: Owner,
    },
    /// A symbolic link leads here.
    Link {
        /// Its path on the host.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A file of ours is not there.
    NoFile {
        /// Its path on the host.
        path: String,
        /// What is in it.
        was: String,
    },
    /// A setting of the kernel is this.
    Kernel {
        /// Its path on the host.
        path: String,
        /// What it is now.
        was: String,
        /// What it is to be.
        value: String,
    },
    /// A command has been run.
    Run(Run),
}

/// A file that is to be otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct FileChange {
    /// Its path on the host.
    pub path: String,
    /// What it says now, if it is there: it is not written over what somebody put there meanwhile.
    pub was: Option<String>,
    /// What it is to say.
    pub text: String,
    /// Its mode and owner; none where the file system has neither.
    pub rights: Option<(u32, Owner)>,
    /// A command that has to accept the text first; `{}` stands for the file it is in.
    pub check: Option<Vec<String>>,
    /// What makes it count at once, and takes it back where the way out is lost.
    pub guard: Option<Guard>,
}

/// A way back from a change that may cut the way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// What makes a file count.
    pub apply: Vec<String>,
    /// Who has to answer afterwards.
    pub gateway: String,
    /// How long until it is taken back.
    pub patience: Duration,
}

/// Whom something belongs to, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: String,
    /// The group.
    pub group: String,
}

/// A command that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The program and its arguments; no secret is among them.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Option<Hidden>,
    /// How long it may take.
    pub limit: Duration,
}

/// A text that nobody is shown.
#[derive(Clone)]
pub struct Hidden(SecretString);

/// What has to be run so that what was written counts. It is remembered that it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Settle {
    /// The digest of all that has to count.
    pub digest: String,
    /// What has it count.
    pub runs: Vec<Run>,
}

impl HostChange {
    /// Describes a change that nobody notices.
    pub fn live(act: Act, why: impl Into<String>) -> Self {
        Self { act, why: why.into(), impact: Impact::Live, detail: Vec::new() }
    }

    /// Says what it comes to.
    #[must_use]
    pub fn in_detail(self, detail: Vec<String>) -> Self {
        Self { detail, ..self }
    }

    /// Says that it costs this.
    #[must_use]
    pub fn at_cost(self, impact: Impact) -> Self {
        Self { impact, ..self }
    }
}

impl Impact {
    /// Returns what people are told, where there is something to tell.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::Live => None,
            Self::Restarts => Some("services are started anew"),
            Self::Reboot => Some("counts after a reboot"),
            Self::Network => Some("may cut the network; taken back when the gateway is lost"),
            Self::Destroys => Some("destroys what is stored"),
        }
    }

    /// Returns the word of machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Restarts => "restarts",
            Self::Reboot => "reboot",
            Self::Network => "network",
            Self::Destroys => "destroys",
        }
    }
}

impl Owner {
    /// Returns root.
    pub fn root() -> Self {
        Self::of("root", "root")
    }

    /// Returns somebody.
    pub fn of(user: &str, group: &str) -> Self {
        Self { user: user.to_owned(), group: group.to_owned() }
    }
}

impl Run {
    /// Describes a command.
    pub fn of<W: Into<String>>(argv: impl IntoIterator<Item = W>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { argv, stdin: None, limit: USUAL }
    }

    /// Lets it read something.
    #[must_use]
    pub fn reading(self, stdin: Hidden) -> Self {
        Self { stdin: Some(stdin), ..self }
    }

    /// Lets it take longer than others.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

impl Hidden {
    /// Hides a text.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, word) in self.argv.iter().enumerate() {
            let blank = if nth == 0 { "" } else { " " };
            let is_plain = !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=,@+%{}".contains(&byte));
            if is_plain {
                write!(f, "{blank}{word}")?;
            } else {
                write!(f, "{blank}'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        if self.stdin.is_some() {
            f.write_str(" < (a secret)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(FileChange { path, was: None, .. }) => write!(f, "write {path}"),
            Self::File(FileChange { path, was: Some(was), text, .. }) if was == text => {
                write!(f, "set mode and owner of {path}")
            }
            Self::File(FileChange { path, .. }) => write!(f, "change {path}"),
            Self::Folder { path, mode, owner } => {
                write!(f, "folder {path}, mode {mode:o}, of {}:{}", owner.user, owner.group)
            }
            Self::Link { path, target } => write!(f, "link {path} -> {target}"),
            Self::NoFile { path, .. } => write!(f, "remove {path}"),
            Self::Kernel { path, was, value } => write!(f, "set {path} to {value}, which is {was}"),
            Self::Run(run) => write!(f, "run {run}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_reads_is_in_no_message() {
        let run =
            Run::of(["chpasswd", "-e"]).reading(Hidden::new("somebody:$6$salt$hash".to_owned()));

        let shown = format!("{run} {run:?}");

        assert!(shown.starts_with("chpasswd -e < (a secret)"), "{shown}");
        assert!(!shown.contains("hash"), "{shown}");
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let run = Run::of(["pvesh", "create", "it's", "a b", ""]);

        assert_eq!(run.to_string(), r"pvesh create 'it'\''s' 'a b' ''");
    }
}
