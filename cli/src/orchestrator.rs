//! `phoenix_orchestrator.sh`: what was typed before there was `phoenix`, in today's words.

use clap::Args;

use crate::say;

/// What was typed.
#[derive(Debug, Args)]
pub(crate) struct Orchestrator {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OLD")]
    old: Vec<String>,
}

/// What was to be done, by its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Create,
    All,
    Setup,
    Delete,
    Start,
    Stop,
    Restart,
    Status,
    Test,
}

impl Orchestrator {
    /// Returns what is typed for it today, and says so; or why there is nothing like it.
    pub(crate) fn today(&self) -> Result<Vec<String>, String> {
        let today = today(&self.old)?;
        say(&format!(
            "warning: phoenix_orchestrator.sh is the old way, and will go\nhint: type `phoenix {}`",
            today.join(" ")
        ));
        Ok(today)
    }
}

fn today(old: &[String]) -> Result<Vec<String>, String> {
    let (mut mode, mut is_dry, mut guests, mut suites) = (None, false, Vec::new(), Vec::new());
    let mut words = old.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let wanted = match word {
            "--dry-run" => {
                is_dry = true;
                continue;
            }
            "--setup-hypervisor" | "setup" => Mode::Setup,
            "--LetsGo" | "LetsGo" => Mode::All,
            "--delete" | "--delete-vm" | "delete" => Mode::Delete,
            "--start-vm" | "start" => Mode::Start,
            "--stop-vm" | "stop" => Mode::Stop,
            "restart" => Mode::Restart,
            "status" => Mode::Status,
            // It had to be said that what differs is changed; now that is what `submit` does.
            "--reconfigure" | "converge" | "create" => Mode::Create,
            "--smoke-test" => Mode::Test,
            "--test" => {
                suites.extend(words.next_if(|next| !is_number(next) && !next.starts_with('-')));
                Mode::Test
            }
            "--wipe-disks" => {
                return Err(
                    "a disk is given up by its name: `phoenix setup --wipe DISK`".to_owned()
                );
            }
            "--provision-template" => {
                return Err("a template is a guest like any other: `phoenix submit ID`".to_owned());
            }
            "--create-vm" => {
                return Err("a machine is asked for by its number: `phoenix submit ID`".to_owned());
            }
            number if is_number(number) => {
                guests.push(number.to_owned());
                continue;
            }
            unknown => {
                return Err(format!(
                    "phoenix_orchestrator.sh had no `{unknown}`; `phoenix --help` lists what there is"
                ));
            }
        };
        if mode.is_some_and(|mode| mode != wanted) {
            return Err("one thing at a time: type what `phoenix --help` lists for each".to_owned());
        }
        mode = Some(wanted);
    }
    let mode = mode.unwrap_or(Mode::Create);
    let wants = match mode {
        Mode::Setup | Mode::All if !guests.is_empty() => Some("takes no guest"),
        Mode::Setup | Mode::All | Mode::Status => None,
        Mode::Create | Mode::Delete | Mode::Start | Mode::Stop | Mode::Restart | Mode::Test => {
            guests.is_empty().then_some("wants the number of a guest")
        }
    };
    if let Some(wants) = wants {
        return Err(format!("this {wants}: `phoenix status` lists them"));
    }
    if mode == Mode::Test && guests.len() > 1 {
        return Err("one guest is tested at a time: `phoenix test ID`".to_owned());
    }
    let first: &[&str] = match (mode, is_dry) {
        (Mode::Create, false) => &["submit"],
        (Mode::Create, true) => &["plan"],
        (Mode::All, false) => &["submit", "--all"],
        (Mode::All, true) => &["submit", "--all", "--dry-run"],
        (Mode::Setup, false) => &["setup"],
        (Mode::Setup, true) => &["setup", "--plan"],
        (Mode::Delete, false) => &["delete"],
        (Mode::Start, false) => &["start"],
        (Mode::Stop, false) => &["stop"],
        (Mode::Restart, false) => &["restart"],
        // It changed nothing then, and changes nothing now.
        (Mode::Status, _) => &["status"],
        (Mode::Test, false) => &["test"],
        (Mode::Delete | Mode::Start | Mode::Stop | Mode::Restart | Mode::Test, true) => {
            return Err("only what makes guests can be tried dry: `phoenix plan ID`".to_owned());
        }
    };
    let suites = suites.into_iter().flat_map(|suite| ["--suite".to_owned(), suite.to_owned()]);
    Ok(first.iter().map(|word| (*word).to_owned()).chain(guests).chain(suites).collect())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(old: &str) -> String {
        let words: Vec<_> = old.split_whitespace().map(str::to_owned).collect();
        today(&words).map_or_else(|why| why, |today| today.join(" "))
    }

    #[test]
    fn each_old_form_is_said_in_the_words_of_today() {
        for (old, today) in [
            ("950", "submit 950"),
            ("900 901 950", "submit 900 901 950"),
            ("--dry-run 950", "plan 950"),
            ("950 --dry-run", "plan 950"),
            ("--reconfigure 950", "submit 950"),
            ("--delete 950", "delete 950"),
            ("--delete-vm 8001", "delete 8001"),
            ("--start-vm 8001", "start 8001"),
            ("--stop-vm 8001", "stop 8001"),
            ("--smoke-test 950", "test 950"),
            ("--test 950", "test 950"),
            ("--test integration_tests 950", "test 950 --suite integration_tests"),
            ("--setup-hypervisor", "setup"),
            ("--setup-hypervisor --dry-run", "setup --plan"),
            ("converge 950", "submit 950"),
            ("create 950", "submit 950"),
            ("LetsGo", "submit --all"),
            ("status", "status"),
            ("restart 950", "restart 950"),
            ("--LetsGo", "submit --all"),
            ("--LetsGo --dry-run", "submit --all --dry-run"),
        ] {
            assert_eq!(said(old), today, "{old}");
        }
    }

    #[test]
    fn what_is_said_otherwise_today_is_told() {
        for (old, told) in [
            ("--setup-hypervisor --wipe-disks", "phoenix setup --wipe DISK"),
            ("--provision-template", "phoenix submit ID"),
            ("--create-vm docker-vm-01", "phoenix submit ID"),
            ("--delete 950 --start-vm 8001", "one thing at a time"),
            ("--delete --dry-run 950", "phoenix plan ID"),
            ("--delete", "wants the number"),
            ("LetsGo 950", "takes no guest"),
            ("--test 950 951", "one guest is tested"),
            ("--frobnicate", "had no `--frobnicate`"),
            ("", "wants the number"),
        ] {
            assert!(said(old).contains(told), "{old}: {}", said(old));
        }
    }
}
