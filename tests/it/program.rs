//! Running the real programs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `phoenix` in a folder, with nothing in its environment but what it needs.
pub(crate) fn phoenix(folder: &Path, args: &[&str]) -> Ended {
    run("phoenix", folder, args, &[])
}

/// Runs `phoenix` in a folder, with these in its environment.
pub(crate) fn phoenix_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Ended {
    run("phoenix", folder, args, environment)
}

/// Starts `phoenix` in a folder and lets it run; whoever starts it ends it.
pub(crate) fn phoenix_started(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Child {
    #[expect(clippy::disallowed_methods, reason = "the programs under test are processes")]
    Command::new(binary("phoenix"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `phoenix` with nobody to read what it writes, and returns how it ended.
pub(crate) fn phoenix_into_closed_pipe(folder: &Path, args: &[&str]) -> i32 {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    #[expect(clippy::disallowed_methods, reason = "the programs under test are processes")]
    let status = Command::new(binary("phoenix"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .stdout(writer)
        .status()
        .unwrap();
    status.code().expect("it was not killed")
}

/// Runs `phoenix-submit`.
pub(crate) fn phoenix_submit(folder: &Path, args: &[&str]) -> Ended {
    run("phoenix-submit", folder, args, &[])
}

/// Returns the path of `phoenix`.
pub(crate) fn phoenix_program() -> PathBuf {
    binary("phoenix")
}

/// Returns the path of `phoenix-worker`.
pub(crate) fn phoenix_worker() -> PathBuf {
    binary("phoenix-worker")
}

/// Returns the path of `phoenix-health-monitor`.
pub(crate) fn phoenix_monitor() -> PathBuf {
    binary("phoenix-health-monitor")
}

/// Returns a folder of the repository.
pub(crate) fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)
}

fn run(program: &str, folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Ended {
    run_of(&binary(program), folder, args, environment)
}

/// Runs a program of any version in a folder, with these in its environment.
pub(crate) fn run_of(
    program: &Path,
    folder: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> Ended {
    #[expect(clippy::disallowed_methods, reason = "the programs under test are processes")]
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        code: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Builds the programs once, the way this test itself was built, and returns the path of one.
fn binary(program: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        // This test is `…/target/debug/deps/it-…`; the programs are two folders up.
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap().to_owned();
        #[expect(clippy::disallowed_methods, reason = "cargo builds the programs under test")]
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "phoenix", "--package", "phoenix-submitter"])
            .args(["--package", "phoenix-worker", "--package", "phoenix-health-monitor"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_TARGET_DIR", folder.parent().unwrap())
            .status()
            .unwrap();
        assert!(built.success(), "the programs do not build");
        folder
    });
    folder.join(program)
}
