//! Features of somebody's own, as they are made and as they should not be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::program::phoenix;
use crate::{features, try_them};

/// Makes a feature as people do.
fn make(into: &Path, name: &str) {
    let made = phoenix(into, &["feature", "new", name, "--into", "."]);
    assert_eq!(made.code, 0, "{made:?}");
}

/// Puts something at the end of one of its scripts.
fn append(into: &Path, script: &str, text: &str) {
    let path = into.join(script);
    let was = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{was}{text}\n")).unwrap();
}

#[test]
fn what_is_made_passes_as_it_is_and_what_is_wrong_with_others_is_said() {
    let own = TempDir::new().unwrap();
    // The shell files of the library are shared by whoever has none beside it.
    let library = features();
    let made = ["fine", "restless", "refusing", "blind", "unbreakable", "untidy", "needy"];
    for name in made {
        make(own.path(), name);
    }
    append(own.path(), "restless/install.sh", "date +%N >/etc/restless.time");
    append(own.path(), "refusing/install.sh", "never 'there is no licence: set the key licence'");
    fs::write(own.path().join("blind/check.sh"), "#!/bin/sh\nexit 0\n").unwrap();
    append(own.path(), "unbreakable/test/break.sh", "echo 'it holds' >&2; exit 3");
    append(own.path(), "untidy/check.sh", "if [ $x = 1 ]; then :; fi");
    let manifest = own.path().join("needy/feature.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"kinds\"", "\"needs\": [\"fine\"],\n  \"kinds\"")).unwrap();
    append(own.path(), "needy/install.sh", "test -e /etc/fine.conf || never 'fine is missing'");

    let tried = try_them(own.path(), &made, &["--features", library.to_str().unwrap()]);

    assert_eq!(tried.code, 1, "{}\n{}", tried.out, tried.err);
    let trial = |name: &str| {
        let begin = tried.out.lines().position(|line| line.split([',', ';']).next() == Some(name));
        let mut lines = tried.out.lines().skip(begin.unwrap());
        let first = lines.next().unwrap().to_owned();
        let rest: Vec<_> = lines.take_while(|line| line.starts_with(' ')).collect();
        format!("{first}\n{}", rest.join("\n"))
    };
    assert!(trial("fine").contains("5/5 installed once more"), "{}", tried.out);
    assert!(trial("needy").contains("which needs fine"), "{}", tried.out);
    assert!(trial("needy").contains("5/5 installed once more"), "{}", tried.out);
    let restless = trial("restless");
    assert!(restless.contains("3/5 FAILED: installed a second time, it changes"), "{restless}");
    assert!(restless.contains("/etc/restless.time was written"), "{restless}");
    assert!(!restless.contains("4/5"), "{restless}");
    let refusing = trial("refusing");
    assert!(refusing.contains("2/5 FAILED: it refuses, with code 78"), "{refusing}");
    assert!(refusing.contains("there is no licence: set the key licence"), "{refusing}");
    assert!(
        trial("blind").contains("4/5 FAILED: test/break.sh broke it, and check.sh finds nothing")
    );
    let unbreakable = trial("unbreakable");
    assert!(unbreakable.contains("4/5 FAILED: test/break.sh could not break it: it holds"));
    let untidy = trial("untidy");
    assert!(untidy.contains("1/5 FAILED: shellcheck -x"), "{untidy}");
    assert!(untidy.contains("SC2086") || untidy.contains("SC2154"), "{untidy}");
    let last = tried.out.lines().last().unwrap();
    assert_eq!(last, "5 of 7 failed: restless, refusing, blind, unbreakable, untidy");
}

#[test]
fn what_cannot_be_tried_is_said_before_anything_is_made() {
    let own = TempDir::new().unwrap();
    make(own.path(), "fine");
    let machines = own.path().join("machines");
    fs::create_dir(&machines).unwrap();
    let manifest = r#"{ "name": "machines", "summary": "", "kinds": ["machine"] }"#;
    fs::write(machines.join("feature.json"), manifest).unwrap();

    let nobody = try_them(own.path(), &["fine", "finer"], &[]);
    let not_here = try_them(own.path(), &["machines"], &[]);
    let folder = own.path().to_str().unwrap();
    let no_archive = phoenix(
        own.path(),
        &["feature", "test", "fine", "--features", folder, "--archive", "none", "--room", folder],
    );

    assert_eq!((nobody.code, nobody.out.as_str()), (5, ""), "{nobody:?}");
    assert!(
        nobody.err.contains("there is no feature `finer`\nhint: did you mean fine?"),
        "{nobody:?}"
    );
    assert_eq!(not_here.code, 1, "{not_here:?}");
    assert!(not_here.err.contains("is not for containers"), "{not_here:?}");
    assert_eq!(no_archive.code, 1, "{no_archive:?}");
    assert!(no_archive.err.contains("hint: make one: `phoenix feature archive"), "{no_archive:?}");
    let left: Vec<_> = fs::read_dir(own.path()).unwrap().filter_map(Result::ok).collect();
    assert_eq!(left.len(), 2, "{left:?} {no_archive:?}");
    let mode = fs::metadata(own.path().join("fine/install.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}
