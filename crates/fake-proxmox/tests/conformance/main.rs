//! The double answers as the real programs did: every recorded answer is replayed, in the order in
//! which the node was changed, and compared.
//!
//! Run with `--nocapture` to read what is tolerated and what is not replayed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the programs of the double are started by the test"
)]
#![expect(clippy::print_stdout, reason = "what is tolerated is to be read")]

mod differences;
mod lab;
mod normal;
mod scenarios;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;

use crate::differences::{DIFFERENCES, NOT_REPLAYED};
use crate::lab::{Answer, Lab, Recorded, fixtures};
use crate::scenarios::{SCENARIOS, Step};

fn replay(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    let lab = Lab::new();
    let mut wrong = Vec::new();
    for step in scenario.steps {
        match step {
            Step::Do(script) => {
                let answer = lab.run(&["sh".into(), "-ec".into(), (*script).into()], None);
                assert_eq!(answer.exit, 0, "{script}\n{answer:?}");
            }
            Step::Say(case) => wrong.extend(compare(&lab, case)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns what is wrong with an answer.
fn compare(lab: &Lab, case: &str) -> Option<String> {
    let recorded = Recorded::read(case);
    let answer = lab.run(&recorded.argv, recorded.stdin.as_deref());
    let expected = normal::of(&recorded.answer, &recorded.argv);
    let found = normal::of(&answer, &recorded.argv);
    let difference = DIFFERENCES.iter().find(|difference| difference.case == case);
    let Some(difference) = difference else {
        return (expected != found).then(|| show(case, &expected, &found));
    };
    if expected == found {
        return Some(format!("{case}: no longer differs, so it must leave the table DIFFERENCES"));
    }
    let (expected, found) = (difference.mask(expected), difference.mask(found));
    (expected != found).then(|| show(case, &expected, &found))
}

fn show(case: &str, expected: &Answer, found: &Answer) -> String {
    let part = |name: &str, expected: &dyn Debug, found: &dyn Debug, differs: bool| {
        differs.then(|| format!("{name} recorded:\n{expected:#?}\n{name} found:\n{found:#?}"))
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let parts = [
        part("exit", &expected.exit, &found.exit, expected.exit != found.exit),
        part(
            "stdout",
            &lines(&expected.stdout),
            &lines(&found.stdout),
            expected.stdout != found.stdout,
        ),
        part(
            "stderr",
            &lines(&expected.stderr),
            &lines(&found.stderr),
            expected.stderr != found.stderr,
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("---- {case}\n{}", parts.join("\n"))
}

#[test]
fn every_recorded_answer_is_replayed_once_or_said_why_not() {
    let known: BTreeSet<String> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let replayed: Vec<&str> = SCENARIOS
        .iter()
        .flat_map(|scenario| scenario.steps)
        .filter_map(|step| match step {
            Step::Say(case) => Some(*case),
            Step::Do(_) => None,
        })
        .collect();
    let excused: Vec<&str> = NOT_REPLAYED.iter().map(|(case, _)| *case).collect();
    let named: Vec<&str> = replayed.iter().chain(&excused).copied().collect();

    let twice: Vec<&&str> = named
        .iter()
        .filter(|case| named.iter().filter(|other| other == case).count() > 1)
        .collect();
    let missing: Vec<&String> =
        known.iter().filter(|case| !named.contains(&case.as_str())).collect();
    let unknown: Vec<&&str> = named.iter().filter(|case| !known.contains(**case)).collect();
    let idle: Vec<&str> = DIFFERENCES
        .iter()
        .map(|difference| difference.case)
        .filter(|case| !replayed.contains(case))
        .collect();

    println!("{} answers are replayed", replayed.len());
    for difference in DIFFERENCES {
        println!("differs: {}: {}", difference.case, difference.why);
    }
    for (case, why) in NOT_REPLAYED {
        println!("not replayed: {case}: {why}");
    }
    assert_eq!(missing, Vec::<&String>::new(), "in no scenario and not excused");
    assert_eq!(twice, Vec::<&&str>::new(), "named twice");
    assert_eq!(unknown, Vec::<&&str>::new(), "there is no such recorded answer");
    assert_eq!(idle, Vec::<&str>::new(), "tolerated, but not replayed");
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_scenario_is_a_test() {
            let tests = [$(stringify!($name)),*];
            let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            assert_eq!(names, tests);
        }
    };
}

scenarios! {
    what_is_said_of_wrong_words
    a_container_from_beginning_to_end
    a_container_that_is_changed
    snapshots_and_clones
    locks_and_raw_lines
    volumes_of_a_container
    what_a_crash_leaves
    special_creations
    machines
}
