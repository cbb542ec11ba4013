//! The one way to the terminal: data to stdout, everything said about it to stderr.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use clap::ValueEnum;
use tracing::{error, info, warn};

use crate::error::CommandError;

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a command writes.
pub(crate) struct Output {
    data: AutoStream<io::Stdout>,
    remarks: AutoStream<io::Stderr>,
    /// Whether remarks are lines of a log that programs read.
    is_logged: bool,
}

impl Output {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let choice = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::AlwaysAnsi,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let choice = |auto| if color == ColorChoice::Auto { auto } else { choice };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (for_data, for_remarks) =
            (choice(AutoStream::choice(&stdout)), choice(AutoStream::choice(&stderr)));
        Self {
            data: AutoStream::new(stdout, for_data),
            remarks: AutoStream::new(stderr, for_remarks),
            is_logged: false,
        }
    }

    /// Writes what was asked for. Whoever reads it may have had enough: that is no failure, and
    /// changes nothing about how the command ends.
    pub(crate) fn data(&mut self, text: &str) -> io::Result<()> {
        match self.data.write_all(text.as_bytes()).and_then(|()| self.data.flush()) {
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes one piece of what goes on for ever, and says whether anybody still reads it.
    pub(crate) fn stream(&mut self, text: &str) -> io::Result<bool> {
        match self.data.write_all(text.as_bytes()).and_then(|()| self.data.flush()) {
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Says whether a person looks at both what is written and what is said about it.
    #[expect(clippy::unused_self, reason = "only who may write may ask where that goes")]
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Says whether a person sits at a terminal that can be drawn on.
    #[expect(clippy::unused_self, reason = "only who may write may ask where that goes")]
    pub(crate) fn has_screen(&self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Says whether colours are wanted.
    pub(crate) fn has_colors(&self) -> bool {
        self.data.current_choice() != anstream::ColorChoice::Never
    }

    /// Has what is said about it go into the log, which must have begun.
    pub(crate) fn remark_in_the_log(&mut self) {
        self.is_logged = true;
    }

    /// Writes something about it.
    pub(crate) fn remark(&mut self, text: &str) -> io::Result<()> {
        if self.is_logged {
            match (text.strip_prefix("error: "), text.strip_prefix("warning: ")) {
                (Some(text), _) => error!("{text}"),
                (_, Some(text)) => warn!("{text}"),
                (None, None) => info!("{text}"),
            }
            return Ok(());
        }
        writeln!(self.remarks, "{text}")
    }

    /// Writes why a command failed: the chain of causes once, then what to do.
    pub(crate) fn error(&mut self, err: &CommandError) {
        let mut text = format!("error: {err}");
        let mut cause = err.source();
        while let Some(err) = cause {
            text.push_str(": ");
            text.push_str(&err.to_string());
            cause = err.source();
        }
        for hint in err.hints() {
            text.push_str("\nhint: ");
            text.push_str(&hint);
        }
        // Where even this cannot be written, the exit code has to say it.
        drop(self.remark(&text));
    }
}
