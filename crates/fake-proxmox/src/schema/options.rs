//! Reads a command line as Perl's `Getopt::Long` does: abbreviations, one dash or two, anywhere.

use std::collections::VecDeque;

use super::{Format, Kind, Prop, Values, check_all, find, formats};
use crate::die::{Die, Outcome};
use crate::say;

/// What a command was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) values: Values,
    /// What follows the positions that have a name.
    pub(crate) extra: Vec<String>,
}

impl Given {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    pub(crate) fn is(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// Returns the guest; that it is a number was checked.
    pub(crate) fn vmid(&self, key: &str) -> u32 {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// The last position that takes all words that are left.
pub(crate) const EXTRA: &str = "extra-args";

/// Reads the words after a command; what they mean is not checked yet.
pub(crate) fn read(props: &[Prop], positions: &[&str], words: &[String]) -> Outcome<Given> {
    let (mut values, mut rest) = split(props, words)?;
    let mut extra = Vec::new();
    let mut takes_all = false;
    for name in positions {
        if *name == EXTRA {
            takes_all = true;
            extra.extend(rest.drain(..));
            continue;
        }
        let is_needed = find(props, name).is_some_and(|prop| !prop.optional);
        match rest.pop_front() {
            Some(word) => {
                values.insert((*name).to_owned(), word);
            }
            None if is_needed => return Err(Die::usage("not enough arguments")),
            None => {}
        }
    }
    if !takes_all && !rest.is_empty() {
        return Err(Die::usage("too many arguments"));
    }
    for (key, value) in &mut values {
        if find(props, key).is_some_and(|prop| prop.kind == Kind::Boolean) {
            let is = if value.is_empty() { Some(true) } else { formats::boolean(value) };
            let is = is.ok_or_else(|| Die::usage("unable to parse boolean option"))?;
            *value = u8::from(is).to_string();
        }
    }
    Ok(Given { values, extra })
}

/// Checks what was read.
pub(crate) fn check(props: &[Prop], given: &Given) -> Outcome<()> {
    let errors = check_all(props, &given.values, "");
    if errors.is_empty() { Ok(()) } else { Err(Die::params(errors)) }
}

fn split(props: &[Prop], words: &[String]) -> Outcome<(Values, VecDeque<String>)> {
    let mut values = Values::new();
    let mut rest = VecDeque::new();
    let mut failed = false;
    let mut words: VecDeque<String> = words.iter().cloned().collect();
    while let Some(word) = words.pop_front() {
        if word == "--" {
            rest.extend(words.drain(..));
            break;
        }
        let Some(option) = option_of(&word) else {
            rest.push_back(word);
            continue;
        };
        let (name, inline) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let key = match resolve(props, name) {
            Ok(key) => key,
            Err(why) => {
                say::err(&why);
                failed = true;
                continue;
            }
        };
        let prop = find(props, &key);
        let may_lack = prop.is_some_and(|prop| prop.kind == Kind::Boolean || prop.is_interactive);
        let value = match inline {
            Some(value) if !value.is_empty() || may_lack => Some(value),
            None if may_lack => {
                let is_value = |next: &String| next == "-" || option_of(next).is_none();
                let next = words.front().is_some_and(|next| next != "--" && is_value(next));
                Some(if next { words.pop_front().unwrap_or_default() } else { String::new() })
            }
            None => words.pop_front(),
            Some(_) => None,
        };
        let Some(value) = value else {
            say::err(&format!("Option {name} requires an argument\n"));
            failed = true;
            continue;
        };
        let is_list = prop.is_some_and(|prop| matches!(prop.format, Format::Each(_)));
        match values.get_mut(&key) {
            Some(earlier) if is_list => {
                earlier.push(',');
                earlier.push_str(&value);
            }
            Some(earlier) => *earlier = value,
            None => {
                values.insert(key, value);
            }
        }
    }
    if failed { Err(Die::usage("unable to parse option")) } else { Ok((values, rest)) }
}

/// Returns what follows the dashes of an option.
fn option_of(word: &str) -> Option<&str> {
    let option = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (!option.is_empty()).then_some(option)
}

/// Finds the one option a word stands for.
fn resolve(props: &[Prop], word: &str) -> Result<String, String> {
    let lower = word.to_ascii_lowercase();
    if find(props, &lower).is_some() {
        return Ok(lower);
    }
    let mut fitting: Vec<String> = Vec::new();
    for prop in props {
        if prop.count == 0 {
            fitting.push(prop.name.to_owned());
        } else if prop.name.starts_with(&lower) || lower.starts_with(prop.name) {
            fitting.extend((0..prop.count).map(|number| format!("{}{number}", prop.name)));
        }
    }
    if let Some(exact) = fitting.iter().find(|name| name.to_ascii_lowercase() == lower) {
        return Ok(exact.clone());
    }
    fitting.retain(|name| name.to_ascii_lowercase().starts_with(&lower));
    fitting.sort();
    match fitting.as_slice() {
        [] => Err(format!("Unknown option: {word}\n")),
        [one] => Ok(one.clone()),
        many => Err(format!("Option {word} is ambiguous ({})\n", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{boolean, text};
    use super::*;

    const PROPS: [Prop; 4] =
        [super::super::VMID, text("hostname"), boolean("full"), Prop { count: 32, ..text("net") }];

    fn given(words: &[&str]) -> Outcome<Given> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        read(&PROPS, &["vmid", EXTRA], &words)
    }

    #[test]
    fn an_option_may_be_short_and_anywhere() {
        let given = given(&["-host", "a", "100", "--full", "--net3=x", "--", "--full"]).unwrap();

        assert_eq!(given.get("hostname"), Some("a"));
        assert_eq!(given.get("full"), Some("1"));
        assert_eq!(given.get("net3"), Some("x"));
        assert_eq!(given.extra, ["--full"]);
    }

    #[test]
    fn what_could_be_many_is_none() {
        assert!(given(&["100", "--ne", "x"]).is_err());
        assert!(given(&["100", "--net32", "x"]).is_err());
        assert!(given(&["100", "--full", "maybe"]).is_err());
        assert!(given(&[]).is_err());
    }
}
