//! What a guest serves, and how one sees that it does.

use serde::{Deserialize, Serialize};

use crate::FileName;

/// A port a guest's service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortMapping {
    /// The port people connect to.
    pub outside: u16,
    /// The port the service listens on.
    pub inside: u16,
}

/// One check of a guest's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, where it has one.
    pub name: Option<Box<str>>,
    /// What is run inside, or which script.
    pub command: Box<str>,
    /// Attempts before it counts as failed.
    pub retries: u32,
    /// Seconds between attempts.
    pub interval: u32,
}

/// One test script of a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestScript {
    /// What it shows.
    pub name: Box<str>,
    /// The script, below the folder of tests.
    pub path: FileName,
}

/// A vLLM server and how it is started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelServer {
    /// The model.
    pub model: Box<str>,
    /// The name it is offered under.
    pub served_name: Option<Box<str>>,
    /// `chat` or `embedding`.
    pub model_type: Option<Box<str>>,
    /// The port it listens on.
    pub port: Option<u16>,
    /// The arguments that reach it, complete.
    pub arguments: Vec<Box<str>>,
}

impl ModelServer {
    /// What vLLM takes of the memory of a GPU when it is told nothing.
    pub const USUAL_SHARE: f64 = 0.92;

    /// By which arguments it is spread over GPUs: by tensors, by layers, by copies.
    pub const SPREAD: [&[&str]; 3] = [
        &["--tensor-parallel-size", "-tp"],
        &["--pipeline-parallel-size", "-pp"],
        &["--data-parallel-size", "-dp"],
    ];

    /// Returns the name its model is offered under.
    pub fn offers(&self) -> &str {
        self.served_name.as_deref().unwrap_or(&self.model)
    }

    /// Returns the share of the memory of each of its GPUs that it takes; nothing where what is said is no number.
    pub fn gpu_share(&self) -> Option<f64> {
        let Some(text) = self.argument("--gpu-memory-utilization") else {
            return Some(Self::USUAL_SHARE);
        };
        text.trim().parse::<f64>().ok().filter(|share| share.is_finite())
    }

    /// Returns how many GPUs it asks for.
    pub fn gpus_used(&self) -> u64 {
        let said = |names: &[&str]| self.spread(names).unwrap_or(1);
        Self::SPREAD.into_iter().map(said).fold(1, u64::saturating_mul)
    }

    /// Returns the first number that is said by an argument of one of these names.
    pub fn spread(&self, names: &[&str]) -> Option<u64> {
        let text = names.iter().find_map(|name| self.argument(name))?;
        text.trim().parse().ok().filter(|number| *number > 0)
    }

    /// Returns the value that follows (or is joined by `=` to) an argument such as `--dtype`.
    ///
    /// As vLLM has it: `_` is as good as `-` in the name, and the last of several wins.
    pub fn argument(&self, flag: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter().map(AsRef::as_ref);
        let mut last = None;
        while let Some(argument) = arguments.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument, None),
            };
            let is_same = name.len() == flag.len()
                && name.bytes().zip(flag.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'));
            if is_same {
                last = joined.or_else(|| arguments.next()).or(last);
            }
        }
        last
    }
}

/// The name under which the gateway offers a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The label of the host name.
    pub name: Box<str>,
    /// The port of the service.
    pub port: u16,
    /// `http`, `https` or `tcp`.
    pub scheme: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_found_in_every_spelling_and_the_last_wins() {
        let server = |arguments: &[&str]| ModelServer {
            model: "m".into(),
            served_name: None,
            model_type: None,
            port: None,
            arguments: arguments.iter().map(|text| Box::from(*text)).collect(),
        };
        for arguments in [
            &["--max-model-len", "8192"][..],
            &["--max_model_len=8192"],
            &["--max-model-len", "1", "--trust-remote-code", "--max-model-len=8192"],
        ] {
            assert_eq!(server(arguments).argument("--max-model-len"), Some("8192"));
        }
        assert_eq!(server(&["--max-model-length", "1"]).argument("--max-model-len"), None);
        assert_eq!(server(&["--max-model-len"]).argument("--max-model-len"), None);
    }
}
