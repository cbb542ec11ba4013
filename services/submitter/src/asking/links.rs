//! Who stands on whom: as guests were made, and as the configuration has it now.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::{Fleet, GuestKey, GuestSpec, Record, Vmid};

/// How a guest stands on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// It is cloned from it.
    Clone,
    /// It depends on it.
    Dependency,
}

/// Whether a guest is there, as far as its record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// It is, or may be.
    There,
    /// Somebody is about to remove it.
    Leaving,
    /// It was never asked for.
    OnlyWanted,
}

/// Who stands on whom. Guests that are gone stand on nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(BTreeMap<Vmid, Node>);

#[derive(Clone, Debug)]
struct Node {
    key: GuestKey,
    presence: Presence,
    below: BTreeSet<(Vmid, How)>,
}

impl Links {
    /// Takes them from records, and from the configuration where there is one.
    pub(crate) fn of<'r>(
        records: impl IntoIterator<Item = &'r Record>,
        fleet: Option<&Fleet>,
    ) -> Self {
        let mut nodes = BTreeMap::new();
        for guest in fleet.iter().flat_map(|fleet| fleet.guests()) {
            let (key, presence) = (GuestKey::from(guest), Presence::OnlyWanted);
            nodes.insert(guest.vmid, Node { key, presence, below: below(guest).collect() });
        }
        for record in records {
            let presence = presence(record);
            let (key, vmid) = (record.guest, record.guest.vmid);
            let built = record.desired.spec.read().ok();
            let built: BTreeSet<_> = built.iter().flat_map(below).collect();
            match (presence, nodes.get_mut(&vmid)) {
                (None, _) => {}
                (Some(presence), Some(node)) => {
                    *node = Node { key, presence, below: &node.below | &built };
                }
                (Some(presence), None) => {
                    nodes.insert(vmid, Node { key, presence, below: built });
                }
            }
        }
        Self(nodes)
    }

    /// Returns them without these guests.
    pub(crate) fn without(mut self, guests: &[Vmid]) -> Self {
        self.0.retain(|vmid, _| !guests.contains(vmid));
        self
    }

    /// Returns the names of guests that are known here.
    pub(crate) fn keys<'l>(
        &'l self,
        guests: impl IntoIterator<Item = Vmid> + 'l,
    ) -> impl Iterator<Item = GuestKey> + 'l {
        guests.into_iter().filter_map(|vmid| self.0.get(&vmid)).map(|node| node.key)
    }

    /// Returns guests and all they stand on, each behind everything it stands on.
    pub(crate) fn closure(&self, guests: &[Vmid]) -> Vec<Vmid> {
        let below = |vmid| self.below(vmid).map(|(below, _)| below);
        // Records and files may contradict each other. Then any order is as good.
        phoenix_domain::order(guests.iter().copied(), below).unwrap_or_else(|_| guests.to_vec())
    }

    /// Returns guests alone, each behind those of them that it stands on.
    pub(crate) fn upwards(&self, guests: &[Vmid]) -> Vec<Vmid> {
        let mut order = self.closure(guests);
        order.retain(|vmid| guests.contains(vmid));
        order
    }

    /// Returns those of these guests that a guest stands on, directly or not.
    pub(crate) fn below_among(&self, guest: Vmid, among: &[Vmid]) -> Vec<Vmid> {
        let mut closure = self.closure(&[guest]);
        closure.retain(|below| *below != guest && among.contains(below));
        closure
    }

    /// Returns what has to be out of the way before a guest is taken away: those of these guests
    /// that stand on it, and those that are leaving already.
    pub(crate) fn above_first(&self, guest: Vmid, among: &[Vmid]) -> Vec<Vmid> {
        let leaves =
            |vmid: &Vmid| among.contains(vmid) || self.presence(*vmid) == Some(Presence::Leaving);
        self.above_all(&[guest]).into_iter().filter(leaves).collect()
    }

    /// Returns the guests that are there, stand directly on this one, and are not among those.
    pub(crate) fn left_behind(&self, guest: Vmid, among: &[Vmid]) -> Vec<(Vmid, How)> {
        let direct = self.0.iter().flat_map(|(vmid, node)| {
            let on_it = node.below.iter().filter(|(below, _)| *below == guest);
            on_it.map(|(_, how)| (*vmid, *how))
        });
        let is_left =
            |vmid: Vmid| self.presence(vmid) == Some(Presence::There) && !among.contains(&vmid);
        direct.filter(|(vmid, _)| is_left(*vmid)).collect()
    }

    /// Returns these guests and everything there is that stands on them, from the top down.
    pub(crate) fn downwards_with_all_above(&self, guests: &[Vmid]) -> Vec<Vmid> {
        let there = |vmid: &Vmid| self.presence(*vmid) == Some(Presence::There);
        let above = self.above_all(guests).into_iter().filter(there);
        let all: BTreeSet<_> = above.chain(guests.iter().copied()).collect();
        let mut order = self.upwards(&all.into_iter().collect::<Vec<_>>());
        order.reverse();
        order
    }

    fn below(&self, guest: Vmid) -> impl Iterator<Item = (Vmid, How)> {
        self.0.get(&guest).into_iter().flat_map(|node| node.below.iter().copied())
    }

    fn presence(&self, guest: Vmid) -> Option<Presence> {
        self.0.get(&guest).map(|node| node.presence)
    }

    /// Returns everything that stands on these guests, directly or not, and none of them.
    fn above_all(&self, guests: &[Vmid]) -> BTreeSet<Vmid> {
        let mut above = BTreeSet::new();
        let mut open = guests.to_vec();
        while let Some(guest) = open.pop() {
            for (vmid, node) in &self.0 {
                let is_on_it = node.below.iter().any(|(below, _)| *below == guest);
                if is_on_it && !guests.contains(vmid) && above.insert(*vmid) {
                    open.push(*vmid);
                }
            }
        }
        above
    }
}

/// Says whether a guest is there; nothing is said of one that is gone.
fn presence(record: &Record) -> Option<Presence> {
    if record.desired.goal.leaves_a_guest() {
        return Some(Presence::There);
    }
    match (record.is_complete(), record.is_settled()) {
        (true, _) => None,
        (false, false) => Some(Presence::Leaving),
        // Its removal came to no end.
        (false, true) => Some(Presence::There),
    }
}

fn below(guest: &GuestSpec) -> impl Iterator<Item = (Vmid, How)> + '_ {
    let parent = guest.parent().map(|parent| (parent, How::Clone));
    let dependencies = guest.dependencies.iter().map(|below| (*below, How::Dependency));
    parent.into_iter().chain(dependencies)
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;
    use crate::asking::tests;

    fn vmid(number: u64) -> Vmid {
        Vmid::try_from(number).unwrap()
    }

    fn numbers(guests: impl IntoIterator<Item = Vmid>) -> Vec<u32> {
        guests.into_iter().map(Vmid::number).collect()
    }

    /// 920 and 953 are cloned from 900, 950 is from 920 and depends on 953; 955 is only wanted.
    fn fleet() -> Fleet {
        let guests = [
            guest(900).build(),
            guest(920).of(900).build(),
            guest(953).of(900).build(),
            guest(950).of(920).depends_on(&[953]).build(),
            guest(955).of(900).build(),
        ];
        Fleet::try_new(guests.map(Box::new)).unwrap()
    }

    fn record(number: u64, goal: phoenix_domain::Goal, is_done: bool) -> Record {
        let spec = fleet().guest(vmid(number)).unwrap().clone();
        let event = tests::asked_of(&spec, goal);
        if is_done { tests::completed(&tests::claimed(&event)).state } else { event.state }
    }

    const GONE: phoenix_domain::Goal =
        phoenix_domain::Goal::Absent { volumes: phoenix_domain::Fate::Kept };

    /// Returns links where these were asked to go, and have done so or not.
    fn links(leaving: &[u64], have_gone: bool, fleet: Option<&Fleet>) -> Links {
        let records: Vec<_> = [900, 920, 953, 950]
            .into_iter()
            .map(|number| {
                if leaving.contains(&number) {
                    record(number, GONE, have_gone)
                } else {
                    record(number, phoenix_domain::Goal::Present, true)
                }
            })
            .collect();
        Links::of(&records, fleet)
    }

    #[test]
    fn what_others_stand_on_is_known_with_how_and_from_the_top_down() {
        let links = links(&[], true, None);

        let left = links.left_behind(vmid(900), &[vmid(900)]);
        assert_eq!(left, [(vmid(920), How::Clone), (vmid(953), How::Clone)]);
        assert_eq!(links.left_behind(vmid(953), &[]), [(vmid(950), How::Dependency)]);
        let all = links.downwards_with_all_above(&[vmid(900)]);
        assert_eq!(numbers(all), [950, 953, 920, 900]);
    }

    #[test]
    fn what_is_gone_stands_on_nothing_and_what_is_leaving_goes_first() {
        let gone = links(&[950], true, Some(&fleet()));
        assert_eq!(gone.left_behind(vmid(953), &[]), []);
        assert_eq!(numbers(gone.above_first(vmid(953), &[vmid(953)])), [0_u32; 0]);

        let leaving = links(&[950], false, None);
        assert_eq!(leaving.left_behind(vmid(953), &[]), []);
        assert_eq!(numbers(leaving.above_first(vmid(953), &[vmid(953)])), [950]);
    }

    #[test]
    fn what_the_files_say_counts_for_what_is_there_and_for_nothing_else() {
        let fleet = fleet();
        let records = [record(900, phoenix_domain::Goal::Present, true)];
        let links = Links::of(&records, Some(&fleet));

        assert_eq!(links.left_behind(vmid(900), &[]), [], "955 was never made");
        assert_eq!(numbers(links.closure(&[vmid(950)])), [900, 920, 953, 950]);
    }

    #[test]
    fn an_order_goes_through_guests_that_were_not_named() {
        let links = links(&[], true, None);
        let both = [vmid(900), vmid(950)];

        assert_eq!(numbers(links.upwards(&[vmid(950), vmid(900)])), [900, 950]);
        assert_eq!(numbers(links.above_first(vmid(900), &both)), [950]);
        assert_eq!(numbers(links.below_among(vmid(950), &both)), [900]);
    }
}
