//! `phoenix explain`, of what others said.

use phoenix_domain::{Failure, Remedy, StepFailed, StepName, Verdict};

use super::site::Site;

#[test]
fn a_secret_that_a_script_printed_is_in_no_explanation_and_neither_is_what_moves_the_cursor() {
    let site = Site::new();
    site.submit("900");
    site.actor.claim("lxc-900");
    let printed = "\u{1b}[2Jcurl -H 'Authorization: Bearer c4nary-one'\nHF_TOKEN=c4nary-two\u{7}\n";
    let failure = Failure {
        step: Some(StepName::ApplyConfigurations),
        change: None,
        what: "setup.sh ended with 1: password=c4nary-three".to_owned(),
        advice: None,
        output: Some(printed.to_owned()),
        verdict: Verdict::Retry,
        remedy: Remedy::Retry,
        at: chrono::Utc::now(),
    };
    site.actor.tell("lxc-900", StepFailed { failure });

    for format in ["text", "md", "json"] {
        let told = site.phoenix(&["explain", "900", "-o", format]);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(told.out.contains("setup.sh ended with 1"), "{told:?}");
        assert!(told.out.contains("HF_TOKEN=********"), "{told:?}");
        assert!(
            !told.out.contains("c4nary") && !told.out.contains(['\u{1b}', '\u{7}']),
            "{told:?}"
        );
    }
}
