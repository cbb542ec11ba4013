//! What every driver of containers must do, whatever is below it: one suite, run against each.

#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

mod ground;
mod serving;
mod suite;

use ground::{MadeUp, Plain, Pretended};

macro_rules! cases {
    ($ground:ty: $($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            suite::$case(&<$ground>::default()).await;
        }
    )*};
}

/// What every host can do.
macro_rules! everywhere {
    ($ground:ty) => {
        cases!($ground:
            a_guest_is_made_once,
            a_clone_is_like_its_parent_and_is_nobody_else,
            a_clone_of_a_snapshot_has_what_was_there_then,
            properties_are_changed_with_a_restart_where_one_is_needed,
            volumes_outlive_their_guest_and_are_found_again,
            what_is_wanted_stopped_stops_and_what_is_wanted_gone_goes,
            a_guest_that_is_not_ours_is_left_alone,
            a_walk_that_is_stopped_anywhere_goes_on_to_the_same_end,
            many_clones_of_one_parent_are_made_at_once,
            a_guest_that_is_made_again_gets_its_volumes_and_its_old_one_nothing_more,
            a_guest_whose_making_again_is_stopped_anywhere_is_set_aside_once,
            what_is_not_to_be_made_again_is_not_touched,
            what_could_not_be_made_again_stays_as_it_is,
            a_guest_that_is_changed_safely_keeps_no_snapshot,
            a_guest_whose_change_is_stopped_anywhere_goes_back,
            what_could_not_go_back_is_not_touched,
        );
    };
}

/// What a host does whose guests have an inside.
macro_rules! inside {
    ($ground:ty) => {
        cases!($ground:
            features_are_installed_once_and_again_when_they_changed,
            a_script_says_why_it_failed_and_whether_to_try_again,
            what_a_script_says_is_heard_while_it_runs,
            a_script_has_its_files_and_leaves_nothing,
            what_is_brought_along_is_run_and_not_what_its_host_has,
            what_is_brought_along_is_not_run_where_it_is_not_what_it_was,
            a_model_is_served_as_the_spec_says_and_again_when_that_changed,
            what_was_inherited_of_an_older_recipe_is_named,
            a_secret_is_there_while_it_is_needed_and_nowhere_afterwards,
            a_guest_that_is_not_well_is_not_sealed,
            another_value_of_a_secret_is_applied_and_a_lost_one_stops_nothing,
            a_secret_nobody_has_is_missed_before_anything_is_touched,
        );
    };
}

mod simulated {
    use super::*;

    everywhere!(Pretended);
}

mod proxmox {
    use super::*;

    everywhere!(MadeUp);
    inside!(MadeUp);
    cases!(MadeUp: a_guest_whose_volumes_would_go_back_is_not_touched);
}

mod lxc {
    use super::*;

    everywhere!(Plain);
    inside!(Plain);
    cases!(Plain:
        a_guest_with_subvolumes_of_its_own_can_be_removed,
        a_guest_has_its_limits_and_its_address_for_real,
        what_a_killed_run_has_left_in_a_guest_is_gone_with_the_next_one,
        a_guest_that_was_left_frozen_runs_again,
        what_a_script_leaves_running_does_not_hold_the_guest,
        a_volume_that_grew_is_found_again_in_its_size,
        what_was_written_since_is_gone_but_not_from_volumes,
    );
}
