//! Where in the files something stands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::members::{Elements, Members, offset_in};

/// Which of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// `phoenix_hypervisor_config.json`.
    Hypervisor,
    /// `phoenix_lxc_configs.json`.
    Lxc,
    /// `phoenix_vm_configs.json`.
    Vm,
    /// `inventory.json`, the facts of a host.
    Inventory,
    /// `channels.json`, whom the health monitor calls; it stands in no folder with the others.
    Channels,
}

/// One step of the way into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    /// Into a member of an object.
    Key(Cow<'static, str>),
    /// Into an element of an array.
    Index(usize),
}

/// What of the place is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aspect {
    /// The value.
    #[default]
    Value,
    /// The key before it.
    Key,
}

/// A place in a file: a guest's entry or the file itself, and the way from there.
///
/// It is turned into a span only when somebody is to be shown it, so it costs the checks nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: File,
    /// The nth entry of the file's guests, where the way begins at one.
    pub(crate) entry: Option<usize>,
    /// The way.
    pub(crate) path: Vec<Segment>,
    /// What of it.
    pub(crate) aspect: Aspect,
    /// Bytes of the file, where they are known already (a parser's error).
    pub(crate) span: Option<Range<usize>>,
}

impl Place {
    /// Returns the place of a whole file.
    pub(crate) fn file(file: File) -> Self {
        Self { file, entry: None, path: Vec::new(), aspect: Aspect::Value, span: None }
    }

    /// Returns the place of a key of the host's file.
    pub(crate) fn of_host(key: &'static str) -> Self {
        Self::file(File::Hypervisor).key(key)
    }

    /// Returns the place of the nth guest of a file.
    pub(crate) fn entry(file: File, nth: usize) -> Self {
        Self { entry: Some(nth), ..Self::file(file) }
    }

    /// Returns a place given by bytes of the file.
    pub(crate) fn span(file: File, span: Range<usize>) -> Self {
        Self { span: Some(span), ..Self::file(file) }
    }

    /// Goes into a member.
    pub(crate) fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.path.push(Segment::Key(key.into()));
        self
    }

    /// Goes into an element.
    pub(crate) fn index(mut self, index: usize) -> Self {
        self.path.push(Segment::Index(index));
        self
    }

    /// Goes along a whole path.
    pub(crate) fn along(mut self, path: impl IntoIterator<Item = Segment>) -> Self {
        self.path.extend(path);
        self
    }

    /// Means the key and not the value.
    pub(crate) fn named(mut self) -> Self {
        self.aspect = Aspect::Key;
        self
    }
}

/// Keys that were written differently at other times: the word we use, then the others.
const SPELLINGS: &[&[&str]] = &[
    &["clone_from_ctid", "clone_from_template_ctid", "clone_from_vmid"],
    &["swap_mb", "swap"],
    &["application_script", "setup_script"],
    &["health_check", "health_checks"],
    &["pre_features", "pre-features"],
    &["post_features", "post-features"],
    &["nameservers", "nameserver"],
    &["mac_address", "hwaddr"],
];

/// Returns a key and the other words it was written as.
pub(crate) fn spelled(key: &str) -> impl Iterator<Item = &str> {
    let others = SPELLINGS.iter().find(|words| words.contains(&key)).copied().unwrap_or_default();
    std::iter::once(key).chain(others.iter().copied().filter(move |word| *word != key))
}

/// Finds the bytes at the end of a path that begins at `start`, a part of `whole`.
///
/// Where the way ends early, because the value is written in another form or left out, the last
/// place that is there is the answer: it is the one a person has to look at.
pub(crate) fn locate(whole: &str, start: &str, path: &[Segment], aspect: Aspect) -> Range<usize> {
    let (key, value, is_whole_way) = walk(start, path);
    match aspect {
        Aspect::Key if is_whole_way => span_of(whole, key.unwrap_or(value)),
        Aspect::Key | Aspect::Value => head(whole, key, value),
    }
}

/// Returns the text of the value at the end of a path that begins at `start`, if it is there.
pub(crate) fn value_at<'a>(start: &'a str, path: &[Segment]) -> Option<&'a str> {
    let (_, value, is_whole_way) = walk(start, path);
    is_whole_way.then_some(value)
}

/// Goes along a path as far as it goes: the last key and value, and whether it went all the way.
fn walk<'a>(start: &'a str, path: &[Segment]) -> (Option<&'a str>, &'a str, bool) {
    let mut value = start;
    let mut key = None;
    for segment in path {
        let next = match segment {
            Segment::Key(name) => {
                let members = Members::of(value);
                members
                    .find(name)
                    .or_else(|| {
                        let spellings =
                            SPELLINGS.iter().find(|words| words.contains(&name.as_ref()))?;
                        spellings.iter().find_map(|word| members.find(word))
                    })
                    .map(|member| (Some(member.quoted_key()), member.value.get()))
            }
            Segment::Index(nth) => {
                Elements::of(value).0.get(*nth).map(|element| (None, element.get()))
            }
        };
        let Some((next_key, next_value)) = next else { return (key, value, false) };
        (key, value) = (next_key, next_value);
    }
    (key, value, true)
}

/// Returns the span of a value; of an object or array, which may be long, its key or first bytes.
fn head(whole: &str, key: Option<&str>, value: &str) -> Range<usize> {
    let is_long = value.contains('\n');
    match key {
        Some(key) if is_long => span_of(whole, key),
        Some(_) | None => {
            let first_line = value.split('\n').next().unwrap_or(value);
            span_of(whole, first_line)
        }
    }
}

fn span_of(whole: &str, part: &str) -> Range<usize> {
    let start = offset_in(whole, part);
    start..(start + part.len()).min(whole.len())
}

impl File {
    /// Returns the name of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hypervisor => "phoenix_hypervisor_config.json",
            Self::Lxc => "phoenix_lxc_configs.json",
            Self::Vm => "phoenix_vm_configs.json",
            Self::Inventory => "inventory.json",
            Self::Channels => "channels.json",
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, path: &[Segment], aspect: Aspect) -> &'a str {
        &text[locate(text, text, path, aspect)]
    }

    fn key(name: &'static str) -> Segment {
        Segment::Key(name.into())
    }

    #[test]
    fn a_path_leads_to_its_bytes() {
        let text = r#"{"a": {"b": [10, "x"]}, "swap": 7}"#;
        assert_eq!(found(text, &[key("a"), key("b"), Segment::Index(1)], Aspect::Value), "\"x\"");
        assert_eq!(found(text, &[key("a")], Aspect::Key), "\"a\"");
        assert_eq!(found(text, &[key("swap_mb")], Aspect::Value), "7");
    }

    #[test]
    fn a_path_that_ends_early_leads_as_far_as_it_goes() {
        let text = "{\"a\": {\n\"b\": 1}, \"f\": \"k=v\"}";
        assert_eq!(found(text, &[key("a"), key("missing")], Aspect::Value), "\"a\"");
        assert_eq!(found(text, &[key("f"), Segment::Index(1)], Aspect::Value), "\"k=v\"");
    }
}
