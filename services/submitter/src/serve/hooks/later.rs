//! What rules have done once a window is open, or a human has agreed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_bus::{Approval, Later};
use phoenix_domain::{RunId, Vmid};
use phoenix_hooks::{Matched, Push, RawWindow};

use super::accept::Hit;
use super::deploy::Order;
use crate::approvals::short;
use crate::words;

/// What is done together.
pub(super) struct Group<'p> {
    pub(super) window: Option<RawWindow>,
    pub(super) opens: DateTime<Utc>,
    pub(super) matched: Vec<Matched>,
    /// The push that a human is asked about, where one is.
    asks: Option<&'p Push>,
}

/// Puts together what waits for the same window; what a human is asked about goes by its push.
pub(super) fn groups(hits: Vec<Hit<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (push, one) in hits {
        let asks = one.approval.then_some(push);
        let is_its = |group: &&mut Group<'_>| group.window == one.window && group.asks == asks;
        if let Some(group) = groups.iter_mut().find(is_its) {
            group.matched.push(one);
        } else {
            let (window, opens) = (one.window.clone(), one.opens);
            groups.push(Group { window, opens, matched: vec![one], asks });
        }
    }
    groups
}

impl Group<'_> {
    /// Returns what a human is asked about, but for the commit.
    pub(super) fn about(&self) -> Option<String> {
        self.asks.map(|push| format!("{} {}", push.repository, push.refname))
    }

    /// Returns what a human is asked before it is done.
    pub(super) fn approval(
        &self,
        run: &RunId,
        orders: &BTreeMap<Vmid, Order>,
        by: &str,
        since: DateTime<Utc>,
    ) -> Option<Approval> {
        let (push, about) = (self.asks?, self.about()?);
        let commit = push.after.as_ref().map_or("", |commit| commit.as_str()).to_owned();
        let done: Vec<_> =
            orders.iter().map(|(vmid, order)| format!("{} {vmid}", order.action)).collect();
        let (done, by) = (words::shortened(&done.join(", "), 60), words::line(by));
        let question = format!("{done} for {} of {about}, pushed by {by}?", short(&commit));
        Some(Approval { run: run.clone(), about, commit, question, since, decision: None })
    }
}

/// Returns what is older than something else that a human is asked about in its place, with that.
pub(super) fn overtaken(laters: &[Later]) -> Vec<(&Later, &Approval)> {
    let by = |old: &Later| {
        let about = &old.approval.as_ref()?.about;
        let of = |one: &&Later| (one.at, &one.errand.run) > (old.at, &old.errand.run);
        let mut newer = laters.iter().filter(of);
        newer.find_map(|one| {
            let approval = one.approval.as_ref().filter(|approval| approval.about == *about)?;
            let done = |vmid| one.errand.actions.get(vmid);
            let has_all = old.errand.actions.iter().all(|(vmid, same)| done(vmid) == Some(same));
            (has_all && one.window == old.window).then_some(approval)
        })
    };
    laters.iter().filter_map(|old| Some((old, by(old)?))).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use phoenix_bus::Errand;
    use serde_json::json;

    use super::*;

    fn later(nth: u32, about: Option<&str>, actions: &[(u32, &str)]) -> Later {
        let run: RunId = format!("r-000{nth}").parse().unwrap();
        let approval = about.map(|about| Approval {
            run: run.clone(),
            about: about.to_owned(),
            commit: format!("commit-{nth}"),
            question: String::new(),
            since: DateTime::UNIX_EPOCH,
            decision: None,
        });
        let action =
            |(vmid, done): &(u32, &str)| (u64::from(*vmid).try_into().unwrap(), (*done).to_owned());
        let (by, actions) = ("ann by forge".to_owned(), actions.iter().map(action).collect());
        Later {
            errand: Errand { run, by, actions, safely: BTreeMap::new(), traceparent: None },
            source: "forge".parse().unwrap(),
            id: format!("d-{nth}"),
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(nth.into()),
            window: json!({}),
            approval,
        }
    }

    #[test]
    fn what_asks_for_no_more_than_something_newer_is_overtaken_by_it() {
        let all = [
            later(1, Some("a"), &[(950, "restart")]),
            later(2, Some("a"), &[(950, "restart"), (953, "redeploy")]),
            later(3, Some("a"), &[(950, "redeploy")]),
            later(4, Some("b"), &[(953, "redeploy")]),
            later(5, None, &[(950, "restart"), (953, "redeploy")]),
            later(6, Some("b"), &[(953, "redeploy")]),
        ];

        let found = overtaken(&all);

        let found: Vec<_> =
            found.iter().map(|(old, by)| (old.id.as_str(), by.commit.as_str())).collect();
        assert_eq!(found, [("d-1", "commit-2"), ("d-4", "commit-6")]);
    }
}
