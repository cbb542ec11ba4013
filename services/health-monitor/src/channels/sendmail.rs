//! Hands a mail to the program that takes mails on this machine.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use phoenix_post::Outcome;
use phoenix_service::Started;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// How much is read of what it says.
const SAID: u64 = 2048;

/// How long its words are waited for once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What `sendmail` ends with where it may succeed later (`EX_TEMPFAIL`).
const LATER: i32 = 75;
/// What it ends with from here to there is its judgement of what it was given (`sysexits.h`).
const JUDGED: std::ops::RangeInclusive<i32> = 64..=78;

/// Where programs look for others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Hands a message over. Whoever stops waiting ends the program.
pub(super) async fn hand_over(program: &Path, message: Vec<u8>) -> Outcome {
    match run(program, message).await {
        Ok(outcome) => outcome,
        Err(err) => {
            let why = format!("{} cannot be run: {err}", program.display());
            Outcome::Later { why, after: None }
        }
    }
}

async fn run(program: &Path, message: Vec<u8>) -> io::Result<Outcome> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the monitor has no hypervisor, and this is the one process it starts"
    )]
    let mut command = tokio::process::Command::new(program);
    command
        .args(["-t", "-i"])
        .env_clear()
        .env("PATH", PATH)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut started = Started::of(command.spawn()?);
    let (stdin, stderr) = (started.child.stdin.take(), started.child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // One that reads no more says why in its own words.
            drop(stdin.write_all(&message).await);
        }
    };
    let hear = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            // What is not read any more makes it end, which is its own fault.
            drop(stderr.take(SAID).read_to_end(&mut said).await);
        }
        String::from_utf8_lossy(&said).into_owned()
    };
    let mut hear = pin!(hear);
    let (ended, said) = {
        let mut finished = pin!(async { tokio::join!(feed, started.child.wait()).1 });
        tokio::select! {
            // What it left at work may keep its mouth open.
            ended = &mut finished => (ended, timeout(LAST_WORDS, hear).await.unwrap_or_default()),
            said = &mut hear => (finished.await, said),
        }
    };
    let ended = ended?;
    // It has ended by itself: what it may have left at work is meant to go on.
    started.let_go();
    let why = match (ended.code(), said.trim()) {
        (Some(code), "") => format!("{} ended with {code}", program.display()),
        (Some(code), said) => format!("{} ended with {code}: {said}", program.display()),
        (None, _) => format!("{} was killed", program.display()),
    };
    Ok(match ended.code() {
        Some(0) => Outcome::Taken { came: format!("{} took it", program.display()) },
        Some(LATER) => Outcome::Later { why, after: None },
        Some(code) if JUDGED.contains(&code) => Outcome::Refused { why },
        Some(_) | None => Outcome::Later { why, after: None },
    })
}
