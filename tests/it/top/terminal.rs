//! A terminal of a test's own, with somebody in front of it: what is typed, and what is on the screen.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal of 24 lines and 80 columns in which a command runs; gone with the test.
pub(super) struct Terminal {
    child: Child,
    keys: ChildStdin,
    said: Receiver<Vec<u8>>,
    /// All that was written to it.
    pub(super) raw: String,
}

/// The largest terminal there is here.
const LINES: usize = 60;
const COLUMNS: usize = 200;

impl Terminal {
    /// Starts a command of the shell in a terminal.
    pub(super) fn start(folder: &Path, command: &str, environment: &[(&str, &str)]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a terminal is made by a program")]
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("stty rows 24 cols 80; echo tty=$(tty); {command}"))
            .arg("/dev/null")
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TERM", "xterm-256color")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (say, said) = channel();
        // It ends with the terminal, which the test ends.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                if say.send(bytes.get(..count).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, said, raw: String::new() }
    }

    /// Types this.
    pub(super) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Makes it this large, as somebody does who pulls at its window.
    pub(super) fn resize(&mut self, lines: u16, columns: u16) {
        self.until_written("tty=");
        let (_, device) = self.raw.split_once("tty=").unwrap();
        let device = device.lines().next().unwrap().trim().to_owned();
        #[expect(clippy::disallowed_methods, reason = "a terminal is made larger by a program")]
        let resized = Command::new("stty")
            .args(["-F", &device, "rows", &lines.to_string(), "cols", &columns.to_string()])
            .status()
            .unwrap();
        assert!(resized.success());
    }

    /// Waits until the screen is like this, and returns it.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut bytes = std::mem::take(&mut self.raw).into_bytes();
        let began = Instant::now();
        loop {
            self.raw = String::from_utf8_lossy(&bytes).into_owned();
            let screen = screen(&self.raw);
            if is_so(&screen) {
                return screen;
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(more) = self.said.recv_timeout(left) else {
                panic!("in vain waited until {what}:\n{screen}");
            };
            bytes.extend(more);
        }
    }

    /// Waits until this was written, on the screen or off it.
    pub(super) fn until_written(&mut self, text: &str) {
        let mut all = std::mem::take(&mut self.raw);
        let began = Instant::now();
        while !all.contains(text) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let more = self.said.recv_timeout(left);
            let more = more.unwrap_or_else(|_| panic!("`{text}` was never written:\n{all}"));
            all.push_str(&String::from_utf8_lossy(&more));
        }
        self.raw = all;
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns what stands on a terminal to which this was written: of what moves its cursor as much as a
/// program needs that draws.
fn screen(raw: &str) -> String {
    let mut lines = vec![vec![' '; COLUMNS]; LINES];
    let (mut row, mut column) = (0, 0);
    let mut rest = raw.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\u{1b}' => {
                if rest.next() != Some('[') {
                    continue;
                }
                let mut numbers = String::new();
                let end = loop {
                    match rest.next() {
                        Some(one @ ('0'..='9' | ';' | '?')) => numbers.push(one),
                        other => break other,
                    }
                };
                let mut numbers = numbers.split(';').map(|one| one.parse::<usize>().unwrap_or(1));
                match end {
                    Some('H') => {
                        row = numbers.next().unwrap_or(1).saturating_sub(1);
                        column = numbers.next().unwrap_or(1).saturating_sub(1);
                    }
                    Some('J') => lines.iter_mut().for_each(|line| line.fill(' ')),
                    _ => {}
                }
            }
            '\r' => column = 0,
            '\n' => row += 1,
            letter => {
                if let Some(cell) = lines.get_mut(row).and_then(|line| line.get_mut(column)) {
                    *cell = letter;
                }
                column += 1;
            }
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.iter().collect::<String>()).collect();
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}
