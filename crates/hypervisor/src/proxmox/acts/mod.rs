//! What a change comes to on a Proxmox host: the very commands and edits, as data.
//!
//! Nothing here looks at a host or touches it, so that a plan can show what would be done and a
//! test can read it.

mod common;
mod imagine;
mod options;
mod sealed;
mod shown;

use std::collections::BTreeMap;

use phoenix_domain::{Firewall, Kind, ProfileName, RawLine, SpecDigest};

pub(super) use self::common::Common;
pub(super) use self::imagine::after;
pub(super) use self::options::Options;
pub(super) use self::sealed::{Sealed, is_whole, sealed, snapshot_contents};
pub(super) use self::shown::Shown;
use super::conf::Section;
use super::mark::{self, Whose};
use super::words::firewall;
use crate::Aside;

/// One thing done to a host.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// A command of Proxmox's tool for guests of a kind.
    Tool(Kind, Vec<String>),
    /// The config file is edited, under Proxmox's own lock.
    Edit(Edit),
    /// The config file of a guest that was set aside gets a free number.
    Renumber,
    /// What a machine is told by Cloud-Init is written.
    Seed,
    /// What a machine was told is taken away.
    NoSeed,
    /// The firewall file is written.
    Firewall(Firewall),
    /// An AppArmor profile is brought to the host, if it is not loaded yet.
    Profile(ProfileName),
    /// A directory of the host is made and given to an id inside.
    Directory { path: String, owner: Option<u32>, group: Option<u32> },
    /// Something is run inside.
    Inside(String),
    /// Somebody waits.
    Wait(&'static str),
}

/// What is edited in a config file, as `pct` cannot say it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edit {
    /// All raw lines there should be.
    pub(super) raw: Option<Vec<RawLine>>,
    /// The spec our mark should name.
    pub(super) mark: Option<SpecDigest>,
    /// What clones find in it.
    pub(super) contents: Option<SpecDigest>,
    /// That it is set aside, in place of our mark.
    pub(super) aside: Option<Aside>,
    /// Keys that should have another value.
    pub(super) keys: BTreeMap<String, String>,
    /// Keys whose lines go, while what they name stays.
    pub(super) without: Vec<String>,
}

impl Edit {
    /// Returns the section as it should be.
    pub(super) fn made(&self, section: &Section, whose: Whose) -> Section {
        let mut section = section.clone();
        if let Some(raw) = &self.raw {
            section.raw.clone_from(raw);
        }
        if let Some(spec) = &self.mark {
            whose.put(&mut section, spec);
        }
        if let Some(contents) = &self.contents {
            mark::put_contents(&mut section, contents);
        }
        if let Some(aside) = &self.aside {
            whose.put_aside(&mut section, aside);
        }
        section.keys.extend(self.keys.clone());
        for key in &self.without {
            section.keys.remove(key);
        }
        section
    }

    /// Returns the act of editing, if there is anything to edit.
    pub(super) fn act(self) -> Option<Act> {
        (self != Self::default()).then_some(Act::Edit(self))
    }
}

/// Returns the firewall file of a guest; nothing where it should have none.
pub(super) fn firewall_text(wanted: &Firewall) -> Option<String> {
    (*wanted != Firewall::default()).then(|| firewall::write(wanted))
}
