//! What is to become of a push, given where its commit is. Plain functions over values.

use phoenix_bus::Deployed;

use crate::approvals::short;

/// Where a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Whether it is the tip of the branch.
    pub(super) is_tip: bool,
    /// Whether it is in the history of the branch; the tip is.
    pub(super) is_in_branch: bool,
    /// Whether it is in the history of what was deployed last, that one included.
    pub(super) is_deployed: bool,
}

/// What is to become of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The tip of the branch is deployed for it.
    Deploy,
    /// There is nothing to do.
    Nothing(String),
    /// It is not what the branch is at, or was made old by another one.
    Refused(String),
}

/// Judges a push of this commit to this branch.
pub(super) fn judge(
    commit: &str,
    branch: &str,
    place: Place,
    deployed: Option<&Deployed>,
) -> Verdict {
    let commit = short(commit);
    match deployed {
        _ if !place.is_in_branch => {
            Verdict::Refused(format!("{commit} is not in the branch {branch}, or not any more"))
        }
        Some(last) if place.is_deployed && short(&last.commit) == commit => {
            Verdict::Nothing(format!("{commit} is deployed already"))
        }
        // The branch was moved back to it.
        _ if place.is_tip => Verdict::Deploy,
        Some(last) if place.is_deployed => {
            let last = short(&last.commit);
            Verdict::Refused(format!("{commit} is older than {last}, which was deployed before"))
        }
        Some(_) | None => Verdict::Deploy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "1111111111111111111111111111111111111111";
    const LAST: &str = "2222222222222222222222222222222222222222";

    fn of(commit: &str, is_tip: bool, is_in_branch: bool, is_deployed: bool) -> Verdict {
        let last = Deployed { commit: LAST.to_owned(), before: 0 };
        let place = Place { is_tip, is_in_branch, is_deployed };
        judge(commit, "main", place, Some(&last))
    }

    #[test]
    fn what_is_ahead_of_the_last_is_deployed_and_so_is_a_branch_that_was_moved_back() {
        assert_eq!(of(NEW, true, true, false), Verdict::Deploy);
        assert_eq!(of(NEW, false, true, false), Verdict::Deploy, "with the tip");
        assert_eq!(of(NEW, true, true, true), Verdict::Deploy, "moved back");
        let place = Place { is_tip: false, is_in_branch: true, is_deployed: false };
        assert_eq!(judge(NEW, "main", place, None), Verdict::Deploy, "nothing was deployed yet");
    }

    #[test]
    fn what_comes_late_is_refused_and_what_comes_twice_does_nothing() {
        assert!(
            matches!(of(NEW, false, true, true), Verdict::Refused(why) if why.contains("older"))
        );
        assert!(
            matches!(of(NEW, false, false, false), Verdict::Refused(why) if why.contains("not in"))
        );
        assert!(matches!(of(NEW, false, false, true), Verdict::Refused(_)), "moved away from");
        assert!(matches!(of(LAST, true, true, true), Verdict::Nothing(_)));
        assert!(matches!(of(LAST, false, true, true), Verdict::Nothing(_)), "a newer one comes");
    }
}
