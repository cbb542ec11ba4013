//! What is to be done when something is pushed.

use std::fmt;
use std::str::FromStr;

use phoenix_domain::{Refused, Vmid};
use serde::Deserialize;

use super::pattern::Pattern;
use super::window::{RawWindow, Window};
use crate::file::{RawSafely, Safely};
use crate::repository::Repository;
use crate::wrong::{WrongField, note};

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// The repository: `github.com/owner/name`, or its address.
    pub repository: String,
    /// The branches it is about: a name, or a pattern such as `release/*`.
    #[serde(default)]
    pub branch: Option<String>,
    /// The tags it is about, in place of branches.
    #[serde(default)]
    pub tag: Option<String>,
    /// The files it is about: patterns such as `guests/962/**`; any file without this.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    /// The guests, by their numbers.
    pub guests: Vec<u64>,
    /// What is done with them: `restart`, `reapply`, `redeploy` or `recreate`.
    pub action: String,
    /// When it is done; as soon as it can be without this.
    #[serde(default)]
    pub window: Option<RawWindow>,
    /// Whether somebody has to agree before.
    #[serde(default)]
    pub approval: bool,
    /// How guests go back that fail, where they are redeployed; without this they do not.
    #[serde(default)]
    pub safely: Option<RawSafely>,
}

/// What is to be done when something is pushed.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) repository: Repository,
    pub(super) refs: Refs,
    /// None is any.
    pub(super) paths: Option<Vec<Pattern>>,
    pub(super) guests: Vec<Vmid>,
    pub(super) action: Action,
    pub(super) window: Option<(RawWindow, Window)>,
    pub(super) approval: bool,
    pub(super) safely: Option<Safely>,
}

/// Which branches, or which tags.
#[derive(Clone, Debug)]
pub(super) enum Refs {
    Branches(Pattern),
    Tags(Pattern),
}

/// What is done with a guest, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is started anew.
    Restart,
    /// Its application is set up once more.
    Reapply,
    /// It is made what its files say now.
    Redeploy,
    /// It is made again from its template.
    Recreate,
}

impl TryFrom<&RawRule> for Rule {
    type Error = Vec<WrongField>;

    /// Reads a rule, or says everything that is wrong with it.
    fn try_from(raw: &RawRule) -> Result<Self, Self::Error> {
        let mut wrong = Vec::new();
        let repository = note(&mut wrong, "repository", raw.repository.parse());
        let refs = refs(raw, &mut wrong);
        let paths = raw.paths.as_deref().map(|paths| patterns(paths, &mut wrong));
        let guests = guests(&raw.guests, &mut wrong);
        let action = note(&mut wrong, "action", raw.action.parse());
        let window = raw.window.as_ref().map(|raw| Ok((raw.clone(), Window::read(raw)?)));
        let window: Result<_, Vec<WrongField>> = window.transpose();
        let window = window.map_err(|fields| {
            wrong.extend(fields.into_iter().map(|field| field.within("window")));
        });
        let safely = raw.safely.as_ref().and_then(|raw| safely(raw, action, &guests, &mut wrong));
        match (repository, refs, action, window) {
            (Some(repository), Some(refs), Some(action), Ok(window)) if wrong.is_empty() => {
                let approval = raw.approval;
                Ok(Self { repository, refs, paths, guests, action, window, approval, safely })
            }
            (_, _, _, _) => Err(wrong),
        }
    }
}

fn safely(
    raw: &RawSafely,
    action: Option<Action>,
    guests: &[Vmid],
    wrong: &mut Vec<WrongField>,
) -> Option<Safely> {
    if let Some(action) = action.filter(|action| *action != Action::Redeploy) {
        let what = format!("`{action}` changes nothing that could go back");
        wrong.push(WrongField::new("safely", &what, "leave it out, or take `redeploy`"));
    }
    match Safely::read(raw) {
        Ok(safely) if safely.canary.is_some_and(|canary| !guests.contains(&canary)) => {
            let rule = "name one of `guests`";
            wrong.push(WrongField::new("safely.canary", "none of the guests of this rule", rule));
            None
        }
        Ok(safely) => Some(safely),
        Err(fields) => {
            wrong.extend(fields.into_iter().map(|field| field.within("safely")));
            None
        }
    }
}

fn refs(raw: &RawRule, wrong: &mut Vec<WrongField>) -> Option<Refs> {
    let rule = "a rule has either `branch` or `tag`";
    match (&raw.branch, &raw.tag) {
        (Some(branch), None) => note(wrong, "branch", Pattern::read(branch)).map(Refs::Branches),
        (None, Some(tag)) => note(wrong, "tag", Pattern::read(tag)).map(Refs::Tags),
        (None, None) => {
            wrong.push(WrongField::new("branch", "missing", rule));
            None
        }
        (Some(_), Some(_)) => {
            wrong.push(WrongField::new("tag", "there is `branch` too", rule));
            None
        }
    }
}

fn patterns(paths: &[String], wrong: &mut Vec<WrongField>) -> Vec<Pattern> {
    if paths.is_empty() {
        wrong.push(WrongField::new("paths", "empty", "leave it out, where any file is meant"));
    }
    let read = paths.iter().enumerate();
    read.filter_map(|(at, path)| note(wrong, &format!("paths[{at}]"), Pattern::read(path)))
        .collect()
}

fn guests(numbers: &[u64], wrong: &mut Vec<WrongField>) -> Vec<Vmid> {
    let mut guests: Vec<Vmid> = Vec::new();
    if numbers.is_empty() {
        wrong.push(WrongField::new("guests", "empty", "name one guest at least, by its number"));
    }
    for (at, number) in numbers.iter().enumerate() {
        let field = format!("guests[{at}]");
        match note(wrong, &field, Vmid::try_from(*number)) {
            Some(guest) if guests.contains(&guest) => {
                let what = format!("{guest} is there already");
                wrong.push(WrongField::new(&field, &what, "name each guest once"));
            }
            Some(guest) => guests.push(guest),
            None => {}
        }
    }
    guests
}

impl Action {
    /// All of them, the mildest first.
    pub const ALL: [Self; 4] = [Self::Restart, Self::Reapply, Self::Redeploy, Self::Recreate];

    /// Returns its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Reapply => "reapply",
            Self::Redeploy => "redeploy",
            Self::Recreate => "recreate",
        }
    }
}

impl FromStr for Action {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|action| action.name() == text);
        found.ok_or_else(|| {
            let rule = "an action is `restart`, `reapply`, `redeploy` or `recreate`";
            Refused::new(text, "an action", rule)
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_with_a_rule_is_told_by_its_field() {
        let raw = RawRule {
            repository: "shop".to_owned(),
            branch: Some("main".to_owned()),
            tag: Some("v1".to_owned()),
            paths: Some(vec!["ok".to_owned(), "/a".to_owned()]),
            guests: vec![962, 7, 962],
            action: "reboot".to_owned(),
            window: Some(RawWindow { from: Some("2:00".to_owned()), ..RawWindow::default() }),
            approval: false,
            safely: None,
        };

        let wrong = Rule::try_from(&raw).unwrap_err();

        let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        `repository`: `shop` is not a repository; a repository is written `github.com/owner/name`, or as its address
        `tag`: there is `branch` too; a rule has either `branch` or `tag`
        `paths[1]`: `/a` is not a pattern; a pattern begins at the top of the repository, without `/` or `./`
        `guests[1]`: `7` is not a guest id; a guest id is a whole number from 100 to 999999999
        `guests[2]`: 962 is there already; name each guest once
        `action`: `reboot` is not an action; an action is `restart`, `reapply`, `redeploy` or `recreate`
        `window.from`: `2:00` is not a time; a time is written `02:30`, in UTC
        `window.to`: missing; a window has `from` and `to`, or neither of them
        ");
    }

    #[test]
    fn a_rule_has_one_way_to_be_about_everything() {
        let raw = |more: &str| {
            let text = format!(
                r#"{{"repository": "git.lan/a/b", "action": "restart", "guests": [950]{more}}}"#
            );
            serde_json::from_str::<RawRule>(&text)
        };

        let fields = |more| {
            let wrong = Rule::try_from(&raw(more).unwrap()).unwrap_err();
            wrong.into_iter().map(|wrong| wrong.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(""), ["branch"]);
        assert_eq!(fields(r#", "branch": "**", "paths": []"#), ["paths"]);
        assert!(Rule::try_from(&raw(r#", "branch": "**""#).unwrap()).is_ok());
        assert!(raw(r#", "branches": "**""#).unwrap_err().to_string().contains("`branches`"));
        let unknown = raw(r#", "branch": "**", "window": {"day": []}"#).unwrap_err();
        assert!(unknown.to_string().contains("`day`"), "{unknown}");
    }
}
