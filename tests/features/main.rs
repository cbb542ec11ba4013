//! `phoenix feature test`: every feature of the library in a real container of Debian, and features that
//! are not as they should be.
//!
//! The archive the containers are made of is made by `cargo xtask test`, or `cargo xtask feature test`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken fixture should stop the test"
)]

mod library;
mod own;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "other tests start other programs")]
mod program;
mod stopped;

use std::path::{Path, PathBuf};

use program::{Ended, phoenix_with};

/// Returns the archive of Debian that the tasks of the repository have made.
fn debian() -> String {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var("PHOENIX_DEBIAN_ARCHIVE");
    said.expect("PHOENIX_DEBIAN_ARCHIVE is not set: run `cargo xtask feature test NAME`")
}

/// Tries features that are in a folder.
fn try_them(features: &Path, names: &[&str], more: &[&str]) -> Ended {
    let (features, archive) = (features.to_str().unwrap(), debian());
    let args =
        [&["feature", "test", "--features", features, "--archive", &archive], more, names].concat();
    let path = ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    phoenix_with(&PathBuf::from("/"), &args, &[path])
}

/// Returns the folder with the features of the repository.
fn features() -> PathBuf {
    program::repository("features").canonicalize().unwrap()
}
