//! Our mark on a guest: a tag for people to filter by, and a line in the description that says
//! which guest it is and which spec it was made for.
//!
//! A clone inherits both, so it is the number in the line that makes a guest ours.

use chrono::SecondsFormat;
use phoenix_domain::{NodeName, SpecDigest, Vmid};

use super::conf::Section;
use crate::Aside;

/// The tag of every guest of ours.
pub(super) const TAG: &str = "phoenix";
/// How the line begins.
const LINE: &str = "Managed by Phoenix, cell ";
/// What stands before the number of the guest.
const GUEST: &str = ", guest ";
/// What stands before the number of what it is cloned from, where it is a clone.
const PARENT: &str = ", cloned from ";
/// What stands before the digest of the spec.
const SPEC: &str = ", spec ";
/// What stands before the digest of what clones find in it.
const CONTENTS: &str = "Phoenix contents ";

/// The tag of a guest that was set aside.
const QUARANTINE: &str = "quarantine";
/// How the line begins that says that a guest was set aside.
const ASIDE: &str = "Set aside by Phoenix, cell ";
/// What stands before the run that did it.
const RUN: &str = ", run ";
/// What stands before when that was.
const AT: &str = ", at ";

/// Whose a guest is that bears our mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'c> {
    /// The cell it belongs to: two of them may share a node.
    pub(super) cell: &'c NodeName,
    /// The guest.
    pub(super) vmid: Vmid,
}

/// What the line says.
struct Said<'l> {
    parent: Option<Vmid>,
    spec: &'l str,
}

impl Whose<'_> {
    /// Returns the line of a guest.
    pub(super) fn line(&self, parent: Option<Vmid>, spec: &SpecDigest) -> String {
        let parent = parent.map(|parent| format!("{PARENT}{parent}")).unwrap_or_default();
        let (cell, vmid) = (self.cell, self.vmid);
        format!("{LINE}{cell}{GUEST}{vmid}{parent}{SPEC}{}", spec.digits())
    }

    /// Says whether the guest is ours.
    pub(super) fn is_in(&self, section: &Section) -> bool {
        self.said(section).is_some()
    }

    /// Returns the spec a guest of ours was made for; nothing where the mark is not whole.
    pub(super) fn spec(&self, section: &Section) -> Option<SpecDigest> {
        let said = self.said(section).filter(|_| has_tag(section))?;
        SpecDigest::read(said.spec)
    }

    /// Returns what it was cloned from, where that is known.
    pub(super) fn parent(&self, section: &Section) -> Option<Vmid> {
        self.said(section)?.parent
    }

    /// Puts the mark on a guest, in place of any that is there.
    pub(super) fn put(&self, section: &mut Section, spec: &SpecDigest) {
        let parent = self.parent(section);
        section.description.retain(|line| !line.starts_with(LINE));
        section.description.push(self.line(parent, spec));
        if !has_tag(section) {
            let mut tags: Vec<_> = tags(section).map(str::to_owned).collect();
            tags.push(TAG.to_owned());
            tags.sort_unstable();
            section.keys.insert("tags".to_owned(), tags.join(";"));
        }
    }

    /// Puts on a guest that it was set aside, in place of our mark. It is nobody's then.
    pub(super) fn put_aside(&self, section: &mut Section, Aside { of, by, at }: &Aside) {
        let is_ours = |line: &String| line.starts_with(LINE) || line.starts_with(CONTENTS);
        section.description.retain(|line| !is_ours(line));
        let (cell, at) = (self.cell, at.to_rfc3339_opts(SecondsFormat::Secs, true));
        section.description.push(format!("{ASIDE}{cell}{GUEST}{of}{RUN}{by}{AT}{at}"));
        let disk = section.get("rootfs").and_then(|disk| disk.split(',').next());
        if let Some(disk) = disk {
            let line =
                format!("`pct destroy` leaves its root disk; `pvesm free {disk}` removes it");
            section.description.push(line);
        }
        let mut tags: Vec<_> = tags(section).filter(|tag| *tag != TAG).map(str::to_owned).collect();
        tags.push(QUARANTINE.to_owned());
        tags.sort_unstable();
        tags.dedup();
        section.keys.insert("tags".to_owned(), tags.join(";"));
    }

    /// Returns what it says of having been set aside, where it had this number.
    pub(super) fn aside(&self, section: &Section) -> Option<Aside> {
        section.description.iter().find_map(|line| {
            let (cell, rest) = line.strip_prefix(ASIDE)?.split_once(GUEST)?;
            let (of, rest) = rest.split_once(RUN)?;
            let (by, at) = rest.split_once(AT)?;
            let of = of.parse().ok().filter(|of| *of == self.vmid)?;
            let (by, at) = (by.parse().ok()?, at.trim_end().parse().ok()?);
            (cell == self.cell.as_str()).then_some(Aside { of, by, at })
        })
    }

    fn said<'l>(&self, section: &'l Section) -> Option<Said<'l>> {
        section.description.iter().find_map(|line| {
            let (cell, rest) = line.strip_prefix(LINE)?.split_once(GUEST)?;
            let (guest, spec) = rest.split_once(SPEC)?;
            let (vmid, parent) = match guest.split_once(PARENT) {
                Some((vmid, parent)) => (vmid, parent.parse().ok()),
                None => (guest, None),
            };
            let is_its = cell == self.cell.as_str() && vmid.parse() == Ok(self.vmid);
            is_its.then(|| Said { parent, spec: spec.trim_end() })
        })
    }
}

/// Returns the line that says what clones find in a template or snapshot.
pub(super) fn contents_line(contents: &SpecDigest) -> String {
    format!("{CONTENTS}{}", contents.digits())
}

/// Returns what clones find in it, where it says so.
pub(super) fn contents(section: &Section) -> Option<SpecDigest> {
    let said = section.description.iter().find_map(|line| line.strip_prefix(CONTENTS));
    said.and_then(|digits| SpecDigest::read(digits.trim_end()))
}

/// Says in a guest what clones will find in it.
pub(super) fn put_contents(section: &mut Section, contents: &SpecDigest) {
    section.description.retain(|line| !line.starts_with(CONTENTS));
    section.description.push(contents_line(contents));
}

fn has_tag(section: &Section) -> bool {
    tags(section).any(|tag| tag == TAG)
}

fn tags(section: &Section) -> impl Iterator<Item = &str> {
    section.get("tags").unwrap_or_default().split([';', ',', ' ']).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    fn whose(cell: &NodeName, vmid: u64) -> Whose<'_> {
        Whose { cell, vmid: guest(vmid).build().vmid }
    }

    #[test]
    fn a_clone_with_its_parents_mark_is_not_ours() {
        let (cell, spec) = ("home".parse().unwrap(), SpecDigest::of(&guest(920).build()));
        let parent = whose(&cell, 920);
        let mut section = Section::default();
        section.keys.insert("tags".to_owned(), "web;ab".to_owned());
        parent.put(&mut section, &spec);

        assert!(parent.is_in(&section));
        assert_eq!(parent.spec(&section), Some(spec.clone()));
        assert_eq!(section.get("tags"), Some("ab;phoenix;web"));
        assert!(!whose(&cell, 950).is_in(&section));

        let once = section.clone();
        parent.put(&mut section, &spec);
        assert_eq!(section, once, "the mark is put once");
        section.keys.remove("tags");
        assert!(parent.is_in(&section), "people take tags away");
        assert_eq!(parent.spec(&section), None, "and it is put back");
    }

    #[test]
    fn a_guest_belongs_to_one_cell_and_remembers_its_parent() {
        let (home, away) = ("home".parse().unwrap(), "away".parse().unwrap());
        let spec = SpecDigest::of(&guest(950).build());
        let (ours, theirs) = (whose(&home, 950), whose(&away, 950));
        let mut section = Section::default();
        section.description.push(ours.line(Some(whose(&home, 920).vmid), &spec));

        assert!(ours.is_in(&section) && !theirs.is_in(&section));
        ours.put(&mut section, &SpecDigest::of(&guest(951).build()));
        assert_eq!(ours.parent(&section), Some(whose(&home, 920).vmid), "a new spec, one parent");
        theirs.put(&mut section, &spec);
        assert!(theirs.is_in(&section) && !ours.is_in(&section), "it was taken over");
        assert_eq!(theirs.parent(&section), None);
    }
}
