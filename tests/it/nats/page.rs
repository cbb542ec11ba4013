//! The page about roles says what the table says.

use std::fs;

use crate::program::{phoenix, repository};

#[test]
fn the_page_says_of_each_role_what_it_may_do() {
    let told = phoenix(&repository("."), &["nats", "roles"]);
    assert_eq!(told.code, 0, "{told:?}");
    let page = fs::read_to_string(repository("docs/nats.md")).unwrap();
    assert!(
        page.contains(&told.out),
        "enter what `phoenix nats roles` prints under `What each role may do` of docs/nats.md"
    );
}
