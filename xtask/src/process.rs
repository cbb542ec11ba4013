//! Starts other programs: the one place in xtask that may.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::say::say;

/// A program about to be started. Its input is empty, so that nothing waits for a person.
pub(crate) struct Program {
    command: Command,
}

impl Program {
    #[expect(
        clippy::disallowed_methods,
        reason = "tasks exist to start programs; the services' rule (hypervisor::command) is not for them"
    )]
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.stdin(Stdio::null());
        // What `cargo run` told this program of itself would be taken by others as told to them.
        for told in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME"] {
            command.env_remove(told);
        }
        Self { command }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Shows the command line, runs it with our own output, and fails when it fails.
    pub(crate) fn run(mut self) -> Result<()> {
        let line = self.line();
        say(format_args!("$ {line}"));
        let status = self.command.status().with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Starts it and lets it run; what it says goes into a file.
    pub(crate) fn start(mut self, log: &Path) -> Result<Running> {
        let line = self.line();
        say(format_args!("$ {line}  # says into {}", log.display()));
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = self
            .command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        Ok(Running { child, line })
    }

    /// Runs it and returns what it wrote to stdout; what it says on stderr is passed on.
    pub(crate) fn read(mut self) -> Result<Vec<u8>> {
        let line = self.line();
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` failed ({})", output.status);
        }
        Ok(output.stdout)
    }

    /// Asks whether the program is there: all it printed, or nothing when it cannot answer.
    pub(crate) fn ask(mut self) -> Option<String> {
        let output = self.command.output().ok().filter(|output| output.status.success())?;
        let text = [output.stdout, output.stderr].concat();
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// Runs it silently and tells its exit code; a program ended by a signal has none.
    pub(crate) fn code(mut self) -> Result<Option<i32>> {
        let line = self.line();
        let status = self
            .command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot start `{line}`"))?;
        Ok(status.code())
    }

    /// The command line as a person would type it.
    fn line(&self) -> String {
        let settings = self.command.get_envs().filter_map(|(name, value)| {
            let mut setting = name.to_os_string();
            setting.push("=");
            setting.push(value?);
            Some(setting)
        });
        settings
            .chain([self.command.get_program().to_os_string()])
            .chain(self.command.get_args().map(OsStr::to_os_string))
            .map(|word| quoted(&word))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A program that runs beside us. It is asked to end when this is dropped.
pub(crate) struct Running {
    child: Child,
    line: String,
}

impl Running {
    /// Fails when it has ended already.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("`{}` has ended ({status})", self.line),
        }
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let asked = Program::new("kill").arg(self.child.id().to_string()).code();
        // Whom nobody could ask is not waited for.
        if matches!(asked, Ok(Some(0))) {
            drop(self.child.wait());
        }
    }
}

fn quoted(word: &OsString) -> String {
    let word = word.to_string_lossy();
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=:,@+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_pasted_into_a_shell() {
        let program =
            Program::new("cargo").env("RUSTDOCFLAGS", "-D warnings").args(["doc", "it's"]);

        assert_eq!(program.line(), r"'RUSTDOCFLAGS=-D warnings' cargo doc 'it'\''s'");
    }

    #[test]
    fn a_failure_names_the_command() {
        let err = Program::new("false").arg("why").run().unwrap_err();

        assert!(err.to_string().starts_with("`false why` failed"), "{err}");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_answer() {
        assert_eq!(Program::new("there-is-no-such-program").ask(), None);
    }
}
