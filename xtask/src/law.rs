//! The part of the law of dependencies that `deny.toml` cannot say of itself.
//!
//! Who may use whom stands in `deny.toml`, in one table. It is a list of bans, so a crate nobody
//! entered would be free for all; and it knows no difference between a test and what ships.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::workspace::{Dependency, Member, Workspace};

/// What tests are built with must not end up in a service.
const FOR_TESTS_ONLY: &str = "phoenix-testkit";
/// Bugs on purpose must not end up anywhere, but where a feature asks for them.
const ON_PURPOSE: &str = "phoenix-planted";
/// Programs that are tests themselves: no package has them.
const SHIPS_WITH_NOTHING: &[&str] = &["phoenix-torture"];

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let law = fs::read_to_string("deny.toml").context("cannot read deny.toml")?;
    let broken = broken(&workspace.members, &law);
    if !broken.is_empty() {
        bail!("{}", broken.join("; "));
    }
    Ok(())
}

fn broken(members: &[Member], law: &str) -> Vec<String> {
    let unnamed = members
        .iter()
        .filter(|member| is_library(member))
        .filter(|member| !law.contains(&format!("crate = \"{}\"", member.name)))
        .map(|member| format!("deny.toml does not say who may use {}", member.name));
    let shipped = members
        .iter()
        .filter(|member| !SHIPS_WITH_NOTHING.contains(&member.name.as_str()))
        .filter(|member| member.dependencies.iter().any(is_test_code_that_ships))
        .map(|member| format!("{} ships {FOR_TESTS_ONLY}", member.name));
    let planted = members
        .iter()
        .filter(|member| has_planted_bugs(member))
        .map(|member| format!("{} has {ON_PURPOSE} without being asked to", member.name));
    unnamed.chain(shipped).chain(planted).collect()
}

/// Says whether a package has bugs on purpose without its feature, or has that feature by default.
fn has_planted_bugs(member: &Member) -> bool {
    let always = |dependency: &Dependency| dependency.name == ON_PURPOSE && !dependency.optional;
    let by_default = member.features.get("default").into_iter().flatten();
    member.dependencies.iter().any(always)
        || by_default.into_iter().any(|on| on.contains("planted"))
}

fn is_library(member: &Member) -> bool {
    member.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
}

fn is_test_code_that_ships(dependency: &Dependency) -> bool {
    dependency.name == FOR_TESTS_ONLY && dependency.kind.as_deref() != Some("dev")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::workspace::Target;

    fn member(name: &str, kind: &str, uses: &[(&str, Option<&str>)]) -> Member {
        let dependencies = uses
            .iter()
            .map(|&(name, kind)| Dependency {
                name: name.into(),
                kind: kind.map(Into::into),
                optional: false,
            })
            .collect();
        Member {
            name: name.into(),
            dependencies,
            features: BTreeMap::new(),
            targets: vec![Target { kind: vec![kind.into()] }],
        }
    }

    #[test]
    fn a_library_nobody_entered_is_found_out() {
        let members = [member("phoenix-bus", "lib", &[]), member("phoenix-new", "lib", &[])];

        let broken = broken(&members, r#"{ crate = "phoenix-bus", wrappers = [] }"#);

        assert_eq!(broken, ["deny.toml does not say who may use phoenix-new"]);
    }

    #[test]
    fn a_program_cannot_be_used_and_need_not_be_entered() {
        assert!(broken(&[member("xtask", "bin", &[])], "").is_empty());
    }

    #[test]
    fn test_code_does_not_ship() {
        let tests = member("phoenix-tests", "test", &[(FOR_TESTS_ONLY, Some("dev"))]);
        let worker = member("phoenix-worker", "bin", &[(FOR_TESTS_ONLY, None)]);

        assert_eq!(broken(&[tests, worker], ""), ["phoenix-worker ships phoenix-testkit"]);
    }

    #[test]
    fn bugs_on_purpose_take_a_feature_that_is_nobodys_default() {
        let with = |optional, default: &str| {
            let mut worker = member("phoenix-worker", "bin", &[(ON_PURPOSE, None)]);
            worker.dependencies[0].optional = optional;
            worker.features.insert("default".to_owned(), vec![default.to_owned()]);
            broken(&[worker], "")
        };

        assert_eq!(with(true, "other"), [""; 0]);
        assert_eq!(with(false, "other").len(), 1);
        assert_eq!(with(true, "planted").len(), 1);
        assert_eq!(with(true, "dep:phoenix-planted").len(), 1);
    }
}
