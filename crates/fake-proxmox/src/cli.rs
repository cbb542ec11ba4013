//! Finds the command that was meant and carries it out, or tells how it is used.

use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::say::{self, add};
use crate::schema::Prop;
use crate::schema::options::{self, Given};

/// A command of a program.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The words that need no name.
    pub(crate) positions: &'static [&'static str],
    pub(crate) usage: &'static str,
    pub(crate) options: fn() -> Vec<Prop>,
    pub(crate) run: fn(&Run, &mut Given) -> Outcome<u8>,
}

/// A program and its commands.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) groups: &'static [&'static [Command]],
}

/// The exit code of what the double cannot do: none that Proxmox uses.
const ABSENT: u8 = 70;

/// Names a command that Proxmox has and the double does not.
pub(crate) const fn known_but_absent(name: &'static str, usage: &'static str) -> Command {
    Command { name, positions: &[], usage, options: Vec::new, run: absent }
}

#[expect(clippy::unnecessary_wraps, reason = "all commands have one form")]
fn absent(_: &Run, _: &mut Given) -> Outcome<u8> {
    say::err("this command is not part of the test double\n");
    Ok(ABSENT)
}

impl Program {
    fn commands(&self) -> impl Iterator<Item = &'static Command> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// Returns the command a word stands for: its name, or a beginning that only it has.
    pub(crate) fn find(&self, word: &str) -> Option<&'static Command> {
        if let Some(exact) = self.commands().find(|command| command.name == word) {
            return Some(exact);
        }
        let mut fitting = self.commands().filter(|command| command.name.starts_with(word));
        let first = fitting.next().filter(|_| !word.is_empty())?;
        fitting.next().is_none().then_some(first)
    }

    /// Carries out what the words say; returns the exit code.
    pub(crate) fn main(&self, run: &Run, words: &[String]) -> u8 {
        let Some((first, rest)) = words.split_first() else {
            return self.abort("no command specified");
        };
        if first == "help" {
            return self.help(rest);
        }
        let Some(command) = self.find(first) else {
            return self.abort(&format!("unknown command '{} {first}'", self.name));
        };
        match carry_out(command, run, rest) {
            Ok(exit) => exit,
            Err(die) => {
                say::err(&die.text());
                if let Die::Param { .. } = die {
                    say::err(&format!("{} {} {}\n", self.name, command.name, command.usage));
                }
                die.exit()
            }
        }
    }

    fn abort(&self, why: &str) -> u8 {
        say::err(&format!("ERROR: {why}\n{}", self.usage()));
        255
    }

    /// Tells how a command is used; what each option means is told by the real program only.
    fn help(&self, words: &[String]) -> u8 {
        let command = words.first().and_then(|word| self.find(word));
        match command {
            Some(command) => {
                say::out(&format!("USAGE: {} {} {}\n", self.name, command.name, command.usage));
            }
            None => say::out(&self.usage()),
        }
        0
    }

    fn usage(&self) -> String {
        let name = self.name;
        let mut text = format!("USAGE: {name} <COMMAND> [ARGS] [OPTIONS]\n");
        for group in self.groups {
            text.push('\n');
            for command in *group {
                add!(text, "       {name} {} {}\n", command.name, command.usage);
            }
        }
        add!(text, "\n       {name} help [<extra-args>] [OPTIONS]\n");
        text
    }
}

fn carry_out(command: &Command, run: &Run, words: &[String]) -> Outcome<u8> {
    if std::ptr::fn_addr_eq(command.run, absent as fn(&Run, &mut Given) -> Outcome<u8>) {
        return absent(run, &mut Given::default());
    }
    let props = (command.options)();
    let mut given = options::read(&props, command.positions, words)?;
    if let Some(file) = given.get("ssh-public-keys") {
        // This option takes the name of a file, and what is checked is its content.
        let text = std::fs::read_to_string(file).map_err(|err| {
            let why = if err.raw_os_error() == Some(2) {
                "No such file or directory".into()
            } else {
                err.to_string()
            };
            Die::from(err).after("").renamed(&format!("can't open '{file}' - {why}"))
        })?;
        given.values.insert("ssh-public-keys".into(), text);
    }
    // An interface of a machine is written in a way that no rule of a property can say.
    let mut checked = given.clone();
    if run.program == "qm" {
        crate::qm::keys::spelled_out(&mut checked);
    }
    options::check(&props, &checked)?;
    (command.run)(run, &mut given)
}

impl Die {
    /// Keeps the exit code and says something else.
    fn renamed(self, text: &str) -> Self {
        let exit = self.exit();
        Self::new(text).errno(exit)
    }
}
