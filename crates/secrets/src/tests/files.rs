//! Which files are read, and which are refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::geteuid;
use tempfile::TempDir;

use super::{exposed, fetched, name, put};
use crate::{AloneError, FileError, SecretError, Secrets, Settings, TokenFile, alone};

fn file(path: &Path) -> Secrets {
    Secrets::new(Settings { file: Some(path.to_owned()), ..Settings::default() })
}

fn credentials(folder: &Path) -> Secrets {
    Secrets::new(Settings { credentials: Some(folder.to_owned()), ..Settings::default() })
}

fn token(path: &Path) -> Secrets {
    let tokens = vec![TokenFile::HuggingFace(path.to_owned())];
    Secrets::new(Settings { tokens, ..Settings::default() })
}

async fn refused(secrets: &Secrets) -> FileError {
    let err = fetched(secrets, "phoenix/hf_token").await.unwrap_err();
    let SecretError::File { err, .. } = err else { panic!("not an error of a file: {err:?}") };
    err
}

#[tokio::test]
async fn one_file_has_many_secrets_as_texts_and_objects() {
    let folder = TempDir::new().unwrap();
    let text = r#"{"phoenix/a": "x\n", "phoenix/b": {"user": "u", "password": "p"}}"#;
    let secrets = file(&put(folder.path(), "secrets.json", text, 0o600));

    assert_eq!(fetched(&secrets, "phoenix/a").await.unwrap(), "x\n");
    let password = secrets.fetch(&name("phoenix/b"), Some("password")).await.unwrap();
    assert_eq!(exposed(&password), "p");
    let all = fetched(&secrets, "phoenix/b").await.unwrap();
    assert_eq!(all, r#"{"user": "u", "password": "p"}"#);
    assert!(fetched(&secrets, "phoenix/c").await.is_err());
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused_with_its_mode_and_the_way_out() {
    for mode in [0o604, 0o640, 0o602, 0o620, 0o644, 0o601, 0o610, 0o777] {
        let folder = TempDir::new().unwrap();
        let path = put(folder.path(), "secrets.json", r#"{"phoenix/hf_token": "x"}"#, mode);

        let err = refused(&file(&path)).await;

        assert_eq!(
            (err.to_string(), err.advice()),
            (
                format!(
                    "{} can be read or written by others: its mode is {mode:03o}, and may be 600 \
                     at most",
                    path.display()
                ),
                format!("`chmod 600 {}`", path.display()),
            )
        );
    }
}

#[tokio::test]
async fn a_token_and_a_credential_may_be_read_by_their_group() {
    let folder = TempDir::new().unwrap();
    for (mode, is_taken) in
        [(0o600, true), (0o640, true), (0o440, true), (0o644, false), (0o660, false)]
    {
        let path = put(folder.path(), "hf.conf", "HF_TOKEN=x", mode);
        assert_eq!(fetched(&token(&path), "phoenix/hf_token").await.is_ok(), is_taken, "{mode:o}");
        fs::remove_file(path).unwrap();
        let path = put(folder.path(), "phoenix~hf_token", "x", mode);
        let taken = fetched(&credentials(folder.path()), "phoenix/hf_token").await;
        assert_eq!(taken.is_ok(), is_taken, "{mode:o}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_file_with_one_secret_is_open_to_a_group_only_where_root_has_given_it_to_root_or_to_us() {
    let folder = TempDir::new().unwrap();
    let path = put(folder.path(), "page.token", "0123456789abcdef", 0o640);
    let may = || match alone(&path) {
        Ok(_) => None,
        Err(AloneError::File(FileError::Open { may, .. })) => Some(may),
        Err(err) => panic!("{err}"),
    };

    if !geteuid().is_root() {
        // It is a person's.
        assert_eq!(may(), Some(0o600));
        return;
    }
    assert_eq!(may(), None, "this is how systemd makes it, and packages");
    chown(&path, None, Some(12345)).unwrap();
    assert_eq!(may(), Some(0o600), "whoever is in that group could read it");
    set_permissions(&path, 0o600);
    assert_eq!(may(), None);
    chown(&path, None, Some(0)).unwrap();
    set_permissions(&path, 0o644);
    assert_eq!(may(), Some(0o640));
}

fn set_permissions(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_link_a_pipe_a_socket_and_a_folder_are_refused() {
    let folder = TempDir::new().unwrap();
    let at = |file: &str| folder.path().join(file);
    let good = put(folder.path(), "good", r#"{"phoenix/hf_token": "x"}"#, 0o600);
    symlink(good, at("link")).unwrap();
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _listening = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();

    for (what, wanted) in [
        ("link", "a symbolic link"),
        ("pipe", "a pipe"),
        ("socket", "a socket"),
        ("folder", "a folder"),
    ] {
        let err = refused(&file(&at(what))).await;
        assert!(matches!(&err, FileError::NoFile { what, .. } if *what == wanted), "{err:?}");
    }
}

#[tokio::test]
async fn a_file_of_somebody_else_is_refused() {
    // Only root can give a file away. Elsewhere the system has files of others: those of root are taken.
    if !geteuid().is_root() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = put(folder.path(), "secrets.json", r#"{"phoenix/hf_token": "x"}"#, 0o600);
    chown(&path, Some(12345), None).unwrap();

    let err = refused(&file(&path)).await;

    assert!(matches!(err, FileError::Foreign { owner: 12345, us: 0, .. }), "{err:?}");
    assert_eq!(err.advice(), format!("`chown 0 {}`", path.display()));
}

#[tokio::test]
async fn what_is_no_object_is_refused_with_its_place() {
    let folder = TempDir::new().unwrap();
    let path = put(folder.path(), "secrets.json", "{\n  \"phoenix/hf_token\": canary\n}", 0o600);

    let err = refused(&file(&path)).await;

    assert!(matches!(err, FileError::Malformed { line: 2, .. }), "{err:?}");
}

#[tokio::test]
async fn a_file_without_an_end_is_not_read_to_it() {
    let folder = TempDir::new().unwrap();
    let path = put(folder.path(), "secrets.json", &" ".repeat((1 << 20) + 1), 0o600);

    assert!(matches!(refused(&file(&path)).await, FileError::Long { .. }));
}
