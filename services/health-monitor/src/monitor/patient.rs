//! A guest as the watch knows it, read from the end of its log.

use chrono::{DateTime, Utc};
use phoenix_domain::health::{Duty, Means, Patient};
use phoenix_domain::{Event, Fact, Goal, GuestSpec, Record, VolumeSource};

use crate::wanted;

/// Returns a guest as the watch knows it.
pub(super) fn patient(
    record: &Record,
    want: &GuestSpec,
    started: Option<DateTime<Utc>>,
) -> Patient {
    let mut storages = vec![want.root_disk.storage.clone()];
    storages.extend(want.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Storage { storage, .. } => Some(storage.clone()),
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
    }));
    storages.sort_unstable();
    storages.dedup();
    let dependencies = want.dependencies.iter();
    let stands_on =
        |vmid| record.desired.stands_on.iter().find(|guest| guest.vmid == vmid).copied();
    Patient {
        guest: record.guest,
        name: want.name.clone(),
        host: record.desired.host.clone(),
        gpus: want.gpus.indices().to_vec(),
        bridges: want.nics.iter().map(|nic| nic.bridge.clone()).collect(),
        storages,
        template: want.parent(),
        dependencies: dependencies.filter_map(|vmid| stands_on(*vmid)).collect(),
        means: means(want),
        mode: want.health.mode,
        probes: wanted::probes(want),
        duty: duty(record, want),
        started,
    }
}

/// Says whether anybody expects a guest to serve.
pub(super) fn duty(record: &Record, want: &GuestSpec) -> Duty {
    if want.rests() {
        return Duty::Rests;
    }
    match record.lasting() {
        Some(Goal::Present | Goal::Running) => Duty::Serves,
        Some(_) => Duty::Rests,
        None => match record.desired.goal {
            Goal::Stopped | Goal::Absent { .. } if record.is_settled() => Duty::Rests,
            // A repair that was not made leaves a guest as it was.
            Goal::Repaired { .. } if record.is_settled() => Duty::Serves,
            // It was given up, or waits for somebody; that is no reason to look away from what it serves.
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Restarted
            | Goal::Repaired { .. }
            | Goal::Stopped
            | Goal::Absent { .. } => Duty::AtWork,
        },
    }
}

/// Says whether an event tells that a guest was started.
pub(super) fn starts(event: &Event) -> bool {
    let goal = event.state.desired.goal;
    match &event.fact {
        Fact::Completed(completed) => {
            completed.changes > 0 && !matches!(goal, Goal::Stopped | Goal::Absent { .. })
        }
        Fact::Requested(_)
        | Fact::RepairRequested(_)
        | Fact::CancelRequested(_)
        | Fact::Answered(_)
        | Fact::Claimed(_)
        | Fact::StepTaken(_)
        | Fact::StepFailed(_)
        | Fact::RetryWait(_)
        | Fact::Blocked(_)
        | Fact::RestartBegun(_)
        | Fact::Drifted(_)
        | Fact::Failed(_)
        | Fact::ReturnBegun(_)
        | Fact::DeadLettered(_)
        | Fact::Cancelled(_) => false,
    }
}

/// Says what may be done to a guest: one that keeps data of its own is only ever started anew,
/// unless its file says that nothing is lost; only where a file says so it is made again.
fn means(want: &GuestSpec) -> Means {
    let is_stateless = want.health.stateless.unwrap_or_else(|| want.keepers().next().is_none());
    match (is_stateless, want.irreplaceable()) {
        (false, _) => Means::Stateful,
        (true, Some(_)) => Means::Stateless,
        (true, None) => Means::Expendable,
    }
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    #[test]
    fn what_may_be_done_to_a_guest_follows_from_its_data_unless_its_file_says_otherwise() {
        let means_of = |features: &[&str], stateless| {
            let mut want = guest(952).features(features).build();
            want.health.stateless = stateless;
            means(&want)
        };
        assert_eq!(means_of(&["nginx"], None), Means::Stateless);
        assert_eq!(means_of(&["qdrant"], None), Means::Stateful);
        assert_eq!(means_of(&["qdrant"], Some(true)), Means::Expendable);
        assert_eq!(means_of(&["nginx"], Some(true)), Means::Expendable);
        assert_eq!(means_of(&["nginx"], Some(false)), Means::Stateful);
        let mut machine = phoenix_testkit::machine(8001).build();
        machine.health.stateless = Some(true);
        assert_eq!(means(&machine), Means::Stateless);
    }
}
