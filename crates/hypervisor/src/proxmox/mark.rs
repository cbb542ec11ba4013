//! Our mark on a guest: a tag for people to filter by, and a line in the description that says
//! which guest it is and which spec it was made for.
//!
//! A clone inherits both, so it is the number in the line that makes a guest ours.

use phoenix_domain::{SpecDigest, Vmid};

use super::conf::Section;

/// The tag of every guest of ours.
pub(super) const TAG: &str = "phoenix";
/// How the line begins.
const LINE: &str = "Managed by Phoenix, guest ";
/// What stands before the digest of the spec.
const SPEC: &str = ", spec ";
/// What stands before the digest of what clones find in it.
const CONTENTS: &str = "Phoenix contents ";

/// Returns the line of a guest.
pub(super) fn line(vmid: Vmid, spec: &SpecDigest) -> String {
    format!("{LINE}{vmid}{SPEC}{}", spec.digits())
}

/// Returns the line that says what clones find in a template or snapshot.
pub(super) fn contents_line(contents: &SpecDigest) -> String {
    format!("{CONTENTS}{}", contents.digits())
}

/// Says whether the guest is ours.
pub(super) fn is_ours(section: &Section, vmid: Vmid) -> bool {
    section.description.iter().any(|line| whose(line).is_some_and(|(whose, _)| whose == vmid))
}

/// Returns the spec a guest of ours was made for; nothing where the mark is not whole.
pub(super) fn spec(section: &Section, vmid: Vmid) -> Option<SpecDigest> {
    if !has_tag(section) {
        return None;
    }
    let mut lines = section.description.iter().filter_map(|line| whose(line));
    lines.find(|(whose, _)| *whose == vmid).and_then(|(_, digits)| SpecDigest::read(digits))
}

/// Returns what clones find in it, where it says so.
pub(super) fn contents(section: &Section) -> Option<SpecDigest> {
    let said = section.description.iter().find_map(|line| line.strip_prefix(CONTENTS));
    said.and_then(|digits| SpecDigest::read(digits.trim_end()))
}

/// Puts the mark on a guest, in place of any that is there.
pub(super) fn put(section: &mut Section, vmid: Vmid, spec: &SpecDigest) {
    section.description.retain(|line| whose(line).is_none());
    section.description.push(line(vmid, spec));
    if !has_tag(section) {
        let mut tags: Vec<_> = tags(section).map(str::to_owned).collect();
        tags.push(TAG.to_owned());
        tags.sort_unstable();
        section.keys.insert("tags".to_owned(), tags.join(";"));
    }
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

fn whose(line: &str) -> Option<(Vmid, &str)> {
    let (vmid, spec) = line.strip_prefix(LINE)?.split_once(SPEC)?;
    Some((vmid.parse().ok()?, spec.trim_end()))
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    #[test]
    fn a_clone_with_its_parents_mark_is_not_ours() {
        let (want, spec_of) = (guest(920).build(), SpecDigest::of(&guest(920).build()));
        let mut section = Section::default();
        section.keys.insert("tags".to_owned(), "web;ab".to_owned());
        put(&mut section, want.vmid, &spec_of);

        assert!(is_ours(&section, want.vmid));
        assert_eq!(spec(&section, want.vmid), Some(spec_of.clone()));
        assert_eq!(section.get("tags"), Some("ab;phoenix;web"));
        assert!(!is_ours(&section, guest(950).build().vmid));

        let once = section.clone();
        put(&mut section, want.vmid, &spec_of);
        assert_eq!(section, once, "the mark is put once");
        section.keys.remove("tags");
        assert!(is_ours(&section, want.vmid), "people take tags away");
        assert_eq!(spec(&section, want.vmid), None, "and it is put back");
    }
}
