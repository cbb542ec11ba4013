//! AppArmor profiles that guests name.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use phoenix_config::HostSpec;

use crate::change::Run;
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};
use crate::state::digest;

const FOLDER: &str = "/etc/apparmor.d";
const TUNABLES: &str = "/etc/apparmor.d/tunables/";
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";

pub(super) struct AppArmor(Vec<PathBuf>);

impl AppArmor {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        (!spec.profiles.is_empty()).then(|| Self(spec.profiles.clone()))
    }
}

impl Item for AppArmor {
    fn name(&self) -> &'static str {
        "apparmor"
    }

    fn about(&self) -> &'static str {
        "AppArmor profiles that guests name"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["packages"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let (mut changes, mut texts, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for file in &self.0 {
            let name = name(file);
            let shown = file.display().to_string();
            let text = fs::read_to_string(file).map_err(|err| {
                Refusal::new(&shown, format!("it cannot be read: {err}"), "see that it is a text")
            })?;
            if !profiles(&text).contains(&name) {
                let why =
                    format!("it has no profile `{name}`, and guests name a profile by its file");
                return Err(Refusal::new(
                    shown,
                    why,
                    "call the profile as the file, or the file as the profile",
                ));
            }
            let path = format!("{FOLDER}/{name}");
            // Parsed as it would be loaded; where it does not parse, the old one stays.
            let check = [
                "apparmor_parser",
                "--skip-kernel-load",
                "--skip-cache",
                "--Include",
                FOLDER,
                "{}",
            ];
            let why = "a guest may name it";
            let wanted =
                Wanted { path: &path, text: text.clone(), mode: 0o644, check: &check, why };
            changes.extend(host.want(wanted)?);
            texts.push(text);
            runs.push(
                Run::of(["apparmor_parser", "--replace", "--write-cache", &path])
                    .within(Duration::from_mins(5)),
            );
        }
        let look = Look::of(changes);
        // A kernel without AppArmor has nothing to load it into.
        Ok(if host.exists(LOADED) { look.settled_by(digest(texts), runs) } else { look })
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let loaded = host.text(LOADED);
        let is_loaded = |file: &PathBuf| {
            let name = name(file);
            let wrong = loaded.clone().map(|loaded| match loaded {
                None => Some("the kernel has no AppArmor".to_owned()),
                Some(loaded) => {
                    let mode =
                        loaded.lines().find_map(|line| line.strip_prefix(&format!("{name} (")));
                    match mode {
                        Some("enforce)") => None,
                        Some(mode) => Some(format!("it is in mode {}", mode.trim_end_matches(')'))),
                        None => Some("it is not loaded".to_owned()),
                    }
                }
            });
            Check::of(format!("the profile {name} is enforced"), wrong)
        };
        self.0.iter().map(is_loaded).chain([tunables(host)]).collect()
    }
}

/// Looks whether what all profiles begin with is as its package has it. Folders beside it are for
/// what an administrator adds.
fn tunables(host: &Host) -> Check {
    let wrong = host.ask(&["dpkg", "--verify", "apparmor"]).and_then(|answer| {
        let changed = answer.out.lines().filter_map(|line| line.split_whitespace().last());
        let mut changed = changed.filter(|path| {
            path.strip_prefix(TUNABLES).is_some_and(|name| !name.contains('/'))
        });
        match changed.next() {
            Some(path) => Ok(Some(format!(
                "{path} is not: `apt-get install --reinstall -o Dpkg::Options::=--force-confmiss -o Dpkg::Options::=--force-confnew apparmor`; what is yours goes into {TUNABLES}home.d"
            ))),
            // It ends with 1 where anything of the package is changed.
            None if answer.is_good() || !answer.out.trim().is_empty() => Ok(None),
            None => Err(Refusal::new("dpkg --verify apparmor", answer.said(), "type it, and see")),
        }
    });
    Check::of("the tunables are as their package has them", wrong)
}

fn name(file: &std::path::Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the names of the profiles of a file.
fn profiles(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.trim().strip_prefix("profile ")?;
        Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_named_by_their_head() {
        let text = "# profile not-this\n#include <tunables/global>\nprofile lxc-a flags=(attach_disconnected) {\n}\n  profile \"b c\" {\n";

        assert_eq!(profiles(text), ["lxc-a", "b"]);
    }
}
