//! What every driver of containers must do, whatever is below it: one suite, run against each.

#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

mod ground;
mod suite;

use ground::{MadeUp, Plain, Pretended};

macro_rules! suite {
    ($($driver:ident: $ground:ty => [$($case:ident),* $(,)?]);* $(;)?) => {$(
        mod $driver {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    suite::$case(&<$ground>::default()).await;
                }
            )*
        }
    )*};
}

suite! {
    simulated: Pretended => [
        a_guest_is_made_once,
        a_clone_is_like_its_parent_and_is_nobody_else,
        a_clone_of_a_snapshot_has_what_was_there_then,
        properties_are_changed_with_a_restart_where_one_is_needed,
        volumes_outlive_their_guest_and_are_found_again,
        what_is_wanted_stopped_stops_and_what_is_wanted_gone_goes,
        a_guest_that_is_not_ours_is_left_alone,
        many_clones_of_one_parent_are_made_at_once,
    ];
    proxmox: MadeUp => [
        a_guest_is_made_once,
        a_clone_is_like_its_parent_and_is_nobody_else,
        a_clone_of_a_snapshot_has_what_was_there_then,
        properties_are_changed_with_a_restart_where_one_is_needed,
        volumes_outlive_their_guest_and_are_found_again,
        what_is_wanted_stopped_stops_and_what_is_wanted_gone_goes,
        a_guest_that_is_not_ours_is_left_alone,
        many_clones_of_one_parent_are_made_at_once,
        features_are_installed_once_and_again_when_they_changed,
        a_script_says_why_it_failed_and_whether_to_try_again,
    ];
    lxc: Plain => [
        a_guest_is_made_once,
        a_clone_is_like_its_parent_and_is_nobody_else,
        a_clone_of_a_snapshot_has_what_was_there_then,
        properties_are_changed_with_a_restart_where_one_is_needed,
        volumes_outlive_their_guest_and_are_found_again,
        what_is_wanted_stopped_stops_and_what_is_wanted_gone_goes,
        a_guest_that_is_not_ours_is_left_alone,
        many_clones_of_one_parent_are_made_at_once,
        features_are_installed_once_and_again_when_they_changed,
        a_script_says_why_it_failed_and_whether_to_try_again,
        a_guest_with_subvolumes_of_its_own_can_be_removed,
        a_guest_has_its_limits_and_its_address_for_real,
    ];
}
