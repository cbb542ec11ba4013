//! The salt of a host, and what remains of values.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;
use std::thread;

use secrecy::SecretString;
use tempfile::TempDir;

use super::put;
use crate::{Salt, SaltError};

const FILE: &str = "secrets.salt";

#[test]
fn the_same_value_has_the_same_digest_on_the_same_host_only() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let value = SecretString::from("x");

    let first = Salt::open(here.path()).unwrap().digest(&value);
    let again = Salt::open(here.path()).unwrap().digest(&value);
    let other = Salt::open(here.path()).unwrap().digest(&SecretString::from("y"));
    let elsewhere = Salt::open(there.path()).unwrap().digest(&value);

    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_ne!(first, elsewhere);
    assert_eq!(first.as_str().len(), 64);
}

#[test]
fn a_digest_is_the_hmac_that_others_compute() {
    // RFC 4231 has no key of 32 bytes; this one is of Python's hmac module.
    let folder = TempDir::new().unwrap();
    put(folder.path(), FILE, &"k".repeat(32), 0o600);

    let digest = Salt::open(folder.path()).unwrap().digest(&SecretString::from("value"));

    assert_eq!(digest.as_str(), "1a88f3d1425c95a565ef0c287aea65a44895febd9ac1c29834471eef566ba7b5");
}

#[test]
fn the_salt_is_made_once_for_nobody_else_to_read_even_when_two_make_it() {
    let folder = TempDir::new().unwrap();
    let barrier = Barrier::new(4);
    let digest = || {
        barrier.wait();
        Salt::open(folder.path()).map(|salt| salt.digest(&SecretString::from("x")))
    };

    let digests: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(digest)).collect();
        all.into_iter().map(|one| one.join().unwrap().unwrap()).collect()
    });

    assert!(digests.windows(2).all(|two| two[0] == two[1]), "{digests:?}");
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_salt_that_others_can_read_or_that_is_none_is_not_used() {
    let folder = TempDir::new().unwrap();
    put(folder.path(), FILE, &"k".repeat(32), 0o644);
    assert!(matches!(Salt::open(folder.path()), Err(SaltError::Unusable(_))));

    let folder = TempDir::new().unwrap();
    put(folder.path(), FILE, "", 0o600);
    assert!(matches!(Salt::open(folder.path()), Err(SaltError::Short { .. })));

    let nowhere = folder.path().join("none");
    assert!(matches!(Salt::open(&nowhere), Err(SaltError::NotMade { .. })));
}
