//! The double answers as the real programs did: every recorded answer is replayed, in the order in
//! which the node was changed, and compared.
//!
//! Run with `--nocapture` to read what is tolerated and what is not replayed.

mod differences;
mod lab;
mod normal;
mod scenarios;

use std::collections::BTreeSet;
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
    let mut text = format!("---- {case}\n");
    if expected.exit != found.exit {
        text += &format!("exit: {} recorded, {} found\n", expected.exit, found.exit);
    }
    for (name, expected, found) in
        [("stdout", &expected.stdout, &found.stdout), ("stderr", &expected.stderr, &found.stderr)]
    {
        if expected != found {
            text += &format!("{name} recorded:\n{expected}\n{name} found:\n{found}\n");
        }
    }
    text
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
