//! Writes what a program prints, at once and whole.

use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

/// Whether this process is a worker: it dies of a closed pipe, the program that started it does not.
static IS_WORKER: AtomicBool = AtomicBool::new(false);

pub(crate) fn in_a_worker() {
    IS_WORKER.store(true, Ordering::Relaxed);
}

pub(crate) fn is_worker() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// Prints to stdout.
pub(crate) fn out(text: &str) {
    write(rustix::stdio::stdout(), text.as_bytes()).ok();
}

/// Prints to stderr.
pub(crate) fn err(text: &str) {
    write(rustix::stdio::stderr(), text.as_bytes()).ok();
}

/// Writes all of it.
pub(crate) fn write(to: impl std::os::fd::AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(&to, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) if is_worker() => die_of_the_pipe(),
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// Nothing is cleaned up, as with the signal the kernel would have sent.
pub(crate) fn die_of_the_pipe() -> ! {
    loop {
        kill_process(getpid(), Signal::KILL).ok();
    }
}

/// Adds words to the end of a text.
macro_rules! add {
    ($text:expr, $($words:tt)*) => {{
        // A text takes all that is written to it.
        std::fmt::Write::write_fmt(&mut $text, format_args!($($words)*)).ok();
    }};
}
pub(crate) use add;

/// Puts lines below each other.
pub(crate) fn lines(all: impl IntoIterator<Item = impl Display>) -> String {
    all.into_iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").ok();
        text
    })
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}
