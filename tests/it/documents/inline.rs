//! What is said of commands in the middle of a sentence: that verb is there, and has those flags.

use std::collections::BTreeMap;
use std::path::Path;

use super::pages;
use crate::program::phoenix;

/// The help of verbs, each asked for once.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<String>>);

impl Helps {
    fn of(&mut self, verbs: &[&str]) -> Option<&str> {
        let key: Vec<_> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        let help = self.0.entry(key).or_insert_with(|| {
            let ended = phoenix(Path::new("/"), &[verbs, &["--help"]].concat());
            (ended.code == 0).then_some(ended.out)
        });
        help.as_deref()
    }
}

#[test]
fn every_verb_and_flag_that_a_sentence_names_is_there() {
    let (mut helps, mut wrong) = (Helps::default(), Vec::new());
    for (name, text) in pages::all() {
        for span in spans(&text) {
            if let Some(words) = span.strip_prefix("phoenix ")
                && let Err(why) = check(&mut helps, words)
            {
                wrong.push(format!("{name}: `{span}`: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns what stands between single backquotes, outside of blocks.
fn spans(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

fn check(helps: &mut Helps, words: &str) -> Result<(), String> {
    let words: Vec<_> = words.split([' ', '[', ']', '\\', '|', '=']).collect();
    let is_verb = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let Some(verb) = words.first().filter(|word| is_verb(word) && !word.starts_with('-')) else {
        return Ok(());
    };
    if helps.of(&[verb]).is_none() {
        return Err(format!("there is no verb `{verb}`"));
    }
    let sub = words.get(1).filter(|word| is_verb(word) && !word.starts_with('-'));
    let has_subs = helps.of(&[verb]).is_some_and(|help| help.contains("\nCommands:"));
    let sub = sub.filter(|_| has_subs);
    let verbs: Vec<&str> = std::iter::once(*verb).chain(sub.copied()).collect();
    let Some(help) = helps.of(&verbs) else {
        return Err(format!("there is no `{}`", verbs.join(" ")));
    };
    let flags = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
    let missing: Vec<_> = flags.filter(|flag| !help.contains(**flag)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("it has no {missing:?}")) }
}
