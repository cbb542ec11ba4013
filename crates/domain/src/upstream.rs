//! What a gateway leads to, and when it has to be told anew.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Cause, Desired, Fact, FeatureName, Goal, GuestKey, GuestSpec, Hostname, ModelServer, Record,
    Requested, Route, RunId, SpecDigest, Vmid,
};

/// The feature that is told what the other guests offer, and where.
const GATEWAY: &str = "gateway";
/// How many guests stand on each other by cloning, at most: a log can say that they form a circle.
const DEEPEST: usize = 64;
/// The port of a model server that names none.
const MODEL_PORT: u16 = 8000;

/// A guest that a gateway leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// The guest.
    pub vmid: Vmid,
    /// Its host name.
    pub name: Hostname,
    /// Where it is now; absent where nobody knows.
    pub address: Option<IpAddr>,
    /// The name under which it is offered.
    pub route: Option<Route>,
    /// The model it serves, with the port at which it does.
    pub model: Option<(ModelServer, u16)>,
    /// The features it has, those it was cloned with included.
    pub features: Vec<FeatureName>,
}

impl GuestSpec {
    /// Says whether it leads to other guests, and has to be told where those are.
    pub fn is_gateway(&self) -> bool {
        self.features.iter().any(is_gateway)
    }
}

/// Says whether this is the feature that leads to other guests.
pub fn is_gateway(feature: &FeatureName) -> bool {
    feature.as_str() == GATEWAY
}

impl Upstream {
    /// Returns what a gateway leads to in a guest; nothing in one that offers nothing or is there
    /// for being cloned. `seen` are the addresses it had when it last was complete.
    pub fn of(guest: &GuestSpec, seen: &[IpAddr], features: Vec<FeatureName>) -> Option<Self> {
        let offers = guest.route.is_some() || guest.model_server.is_some();
        if guest.rests() || !offers {
            return None;
        }
        let model = guest.model_server.as_ref().map(|server| {
            let declared = || guest.ports.first().map(|port| port.inside);
            (server.clone(), server.port.or_else(declared).unwrap_or(MODEL_PORT))
        });
        Some(Self {
            vmid: guest.vmid,
            name: guest.name.clone(),
            address: whereabouts(guest, seen),
            route: guest.route.clone(),
            model,
            features,
        })
    }
}

/// Returns where a guest is: at what it has, and of that at what its file names.
pub fn whereabouts(guest: &GuestSpec, seen: &[IpAddr]) -> Option<IpAddr> {
    let mut set = guest.nics.iter().filter_map(|nic| nic.address.ip());
    let kept = set.clone().find(|address| seen.contains(address));
    kept.or_else(|| seen.first().copied()).or_else(|| set.next())
}

/// Returns all that a gateway leads to, given the guests of its cell, in the order of their numbers.
pub fn upstreams<'r>(
    guests: impl IntoIterator<Item = (&'r Record, &'r GuestSpec)>,
    gateway: GuestKey,
) -> Vec<Upstream> {
    let guests: BTreeMap<_, _> =
        guests.into_iter().map(|(record, spec)| (record.guest.vmid, (record, spec))).collect();
    let is_offered =
        |record: &Record| record.guest != gateway && record.desired.goal.leaves_a_guest();
    let offered = guests.values().filter(|(record, _)| is_offered(record));
    let upstream = |(record, spec): &(&Record, &GuestSpec)| {
        let lineage = std::iter::successors(Some(*spec), |spec| {
            spec.parent().and_then(|parent| guests.get(&parent)).map(|(_, spec)| *spec)
        });
        let mut features: Vec<_> =
            lineage.take(DEEPEST).flat_map(|spec| spec.features.iter().cloned()).collect();
        features.sort_unstable();
        features.dedup();
        Upstream::of(spec, &record.work.addresses, features)
    };
    offered.filter_map(upstream).collect()
}

/// Returns the request that has a gateway lead to where its upstreams are now; nothing where it does,
/// or where somebody is at it, or where it could not be worked on now and serves as it is.
pub fn lead_anew<'r>(
    record: &Record,
    upstreams: &SpecDigest,
    below: impl Fn(GuestKey) -> Option<&'r Record>,
    run: RunId,
    by: String,
) -> Option<Fact> {
    let is_told = record.work.upstreams.as_ref() == Some(upstreams);
    if is_told || record.lasting() != Some(Goal::Present) {
        return None;
    }
    let stands = |on: &GuestKey| below(*on).is_some_and(|on| on.lets(Goal::Present));
    if !record.desired.stands_on.iter().all(stands) {
        return None;
    }
    let desired = Desired {
        revision: record.desired.revision + 1,
        run,
        cause: Cause::UpstreamsChanged,
        by,
        cancelled: false,
        trusts_log: false,
        goal: Goal::Present,
        safety: None,
        after: Vec::new(),
        tried: std::collections::BTreeMap::new(),
        ..record.desired.clone()
    };
    Some(Requested { desired: Box::new(desired) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::tests::bare;
    use crate::{Class, Completed, Fate, Nic, Seal, SpecText, Standing, Work};

    fn record(spec: &GuestSpec, goal: Goal) -> Record {
        let guest = GuestKey::from(spec);
        let desired = Desired {
            revision: 1,
            run: "r-0199".parse().unwrap(),
            host: "pve1".parse().unwrap(),
            class: Class::Std,
            cause: Cause::Submitted,
            digest: SpecDigest::of(spec),
            stands_on: spec.stands_on().map(|vmid| GuestKey { vmid, ..guest }).collect(),
            by: "kim".to_owned(),
            cancelled: false,
            trusts_log: false,
            goal,
            safety: None,
            after: Vec::new(),
            tried: std::collections::BTreeMap::new(),
            spec: SpecText::of(spec).unwrap(),
        };
        Record { guest, desired, work: Work::none(1) }
    }

    fn offered(vmid: u64) -> GuestSpec {
        let mut spec = bare(vmid, None, &[]);
        spec.route = Some(Route { name: format!("g{vmid}").into(), port: 80, scheme: None });
        spec
    }

    fn nic(address: &str) -> Nic {
        Nic {
            name: None,
            bridge: "vmbr0".parse().unwrap(),
            address: address.parse().unwrap(),
            gateway: None,
            mac: None,
            nameservers: Vec::new(),
        }
    }

    fn ips(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn complete(record: &mut Record, upstreams: Option<SpecDigest>, addresses: &[&str]) {
        let fact = Completed {
            changes: 0,
            took_ms: 1,
            addresses: ips(addresses),
            upstreams,
            set_aside: None,
        }
        .into();
        *record = Record::after(Some(record), record.guest, &fact).unwrap();
    }

    #[test]
    fn a_guest_is_where_it_was_found_and_of_that_where_its_file_says() {
        let mut spec = offered(950);
        let at = |spec: &GuestSpec, seen: &[&str]| {
            let upstream = Upstream::of(spec, &ips(seen), Vec::new()).unwrap();
            upstream.address.map(|address| address.to_string())
        };
        assert_eq!(at(&spec, &[]), None);
        spec.nics = vec![nic("dhcp")];
        assert_eq!(at(&spec, &[]), None);
        assert_eq!(at(&spec, &["10.0.0.7", "10.0.0.8"]).as_deref(), Some("10.0.0.7"));
        spec.nics = vec![nic("10.0.0.8/24")];
        assert_eq!(at(&spec, &["10.0.0.7", "10.0.0.8"]).as_deref(), Some("10.0.0.8"));
        assert_eq!(at(&spec, &["10.0.0.9"]).as_deref(), Some("10.0.0.9"), "it was moved by hand");
        assert_eq!(at(&spec, &[]).as_deref(), Some("10.0.0.8"));
    }

    #[test]
    fn what_offers_nothing_rests_goes_or_is_the_gateway_itself_is_left_out() {
        let (gateway, offers, silent) = (offered(953), offered(950), bare(951, None, &[]));
        let mut template = offered(920);
        template.seal = Some(Seal::Template { snapshot: None });
        let gone = offered(952);
        let absent = Goal::Absent { volumes: Fate::Kept };
        let records = [
            (record(&gone, absent), &gone),
            (record(&offers, Goal::Stopped), &offers),
            (record(&template, Goal::Present), &template),
            (record(&silent, Goal::Present), &silent),
            (record(&gateway, Goal::Present), &gateway),
        ];
        let pairs = || records.iter().map(|(record, spec)| (record, *spec));

        let found = upstreams(pairs(), GuestKey::from(&gateway));

        assert_eq!(found.iter().map(|one| one.vmid.number()).collect::<Vec<_>>(), [950]);
        assert_eq!(found, upstreams(pairs().rev(), GuestKey::from(&gateway)), "in any order");
    }

    #[test]
    fn what_a_guest_was_cloned_with_counts_as_its_own_and_a_circle_ends() {
        let mut parent = bare(920, Some(950), &[]);
        parent.features = vec!["vllm".parse().unwrap(), "docker".parse().unwrap()];
        let mut child = offered(950);
        child.origin = crate::Origin::Clone { parent: parent.vmid };
        child.features = vec!["base_setup".parse().unwrap()];
        let records = [record(&parent, Goal::Present), record(&child, Goal::Present)];

        let found = upstreams(records.iter().zip([&parent, &child]), "lxc-953".parse().unwrap());

        let names: Vec<_> = found[0].features.iter().map(FeatureName::as_str).collect();
        assert_eq!(names, ["base_setup", "docker", "vllm"]);
    }

    #[test]
    fn a_model_answers_at_its_port_or_the_first_that_is_declared() {
        let mut spec = bare(950, None, &[]);
        let server = |port| ModelServer {
            model: "m".into(),
            served_name: None,
            model_type: Some("Embedding".into()),
            port,
            arguments: Vec::new(),
        };
        let port = |spec: &GuestSpec| Upstream::of(spec, &[], Vec::new()).unwrap().model.unwrap().1;
        spec.model_server = Some(server(None));
        assert_eq!(port(&spec), 8000);
        spec.ports = vec![crate::PortMapping { outside: 80, inside: 8001 }];
        assert_eq!(port(&spec), 8001);
        spec.model_server = Some(server(Some(9000)));
        assert_eq!(port(&spec), 9000);
        assert_eq!(spec.model_server.unwrap().kind(), crate::ModelKind::Embedding);
    }

    /// Says whether a gateway is asked to go again.
    fn asks(gateway: &Record, upstreams: &SpecDigest, below: Option<&Record>) -> bool {
        let run = "r-0200".parse().unwrap();
        lead_anew(gateway, upstreams, |_| below, run, "a worker".to_owned()).is_some()
    }

    #[test]
    fn a_gateway_is_asked_again_when_it_leads_elsewhere_and_not_before_nor_twice() {
        let mut gateway = record(&bare(953, None, &[]), Goal::Present);
        let digest = |address: &str| {
            let upstream = Upstream::of(&offered(950), &ips(&[address]), Vec::new()).unwrap();
            SpecDigest::of_upstreams(&[upstream])
        };
        let (old, new) = (digest("10.0.0.7"), digest("10.0.0.8"));
        assert!(!asks(&gateway, &new, None), "it is still to be made");

        complete(&mut gateway, Some(old.clone()), &[]);
        assert!(!asks(&gateway, &old, None));
        assert!(asks(&gateway, &new, None));

        let run = || "r-0200".parse().unwrap();
        let fact = lead_anew(&gateway, &new, |_| None, run(), "a worker".to_owned()).unwrap();
        let mut asked = Record::after(Some(&gateway), gateway.guest, &fact).unwrap();
        assert_eq!(asked.work.standing, Standing::Requested);
        assert_eq!((asked.desired.revision, &asked.desired.cause), (2, &Cause::UpstreamsChanged));
        assert!(!asks(&asked, &new, None), "it is asked already");
        complete(&mut asked, Some(new.clone()), &[]);
        assert!(!asks(&asked, &new, None));
    }

    #[test]
    fn a_gateway_that_stands_still_or_on_what_is_not_there_is_left_alone() {
        let digest = SpecDigest::of_upstreams(&[]);
        let below = record(&bare(900, None, &[]), Goal::Present);
        let mut gateway = record(&bare(953, Some(900), &[]), Goal::Present);
        complete(&mut gateway, None, &[]);
        assert!(!asks(&gateway, &digest, Some(&below)), "what it stands on is not complete");
        let mut whole = below;
        complete(&mut whole, None, &[]);
        assert!(asks(&gateway, &digest, Some(&whole)));

        gateway.desired.goal = Goal::Stopped;
        assert!(!asks(&gateway, &digest, Some(&whole)));
    }

    #[test]
    fn starting_a_gateway_tells_it_nothing() {
        let old = SpecDigest::of_upstreams(&[]);
        let mut gateway = record(&bare(953, None, &[]), Goal::Present);
        complete(&mut gateway, Some(old.clone()), &[]);
        gateway.desired.goal = Goal::Running;
        complete(&mut gateway, Some(SpecDigest::none()), &[]);

        assert_eq!(gateway.work.upstreams, Some(old));
    }
}
