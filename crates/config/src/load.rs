//! From files to a fleet: read, compare, and let nothing through that is not right.

use std::ops::Deref;
use std::path::PathBuf;

use phoenix_domain::{Fleet, GuestSpec, Vmid};
use phoenix_hooks::RawWebhooks;

use crate::channels::{CHANNEL, CHANNEL_KEY};
use crate::code::{Code, Level, code};
use crate::finding::{Finding, Findings};
use crate::folder::Folder;
use crate::guests::{self, Read};
use crate::host::Host;
use crate::host_spec::HostSpec;
use crate::inventory::Inventory;
use crate::left_out::{LEFT_OUT, left_out};
use crate::library::Library;
use crate::packs::{Packs, UNPACKED};
use crate::place::{File, Place, Segment};
use crate::read::{
    self, MISFIT, NAMED_TWICE, OLD_SPELLING, REFUSED, REQUIRED, SECRET_LITERAL, UNDECLARED,
};
use crate::roster::Roster;
use crate::rules;
use crate::scene::Scene;
use crate::shape::{SHAPE, SYNTAX, TWICE};
use crate::sources::{Sources, Wanted};
use crate::{resolve, schema};

static UNREADABLE: Code = code!("0001", Error, "a file cannot be read");
static NOT_TEXT: Code = code!("0002", Error, "a file is not UTF-8 text");
static EMPTY: Code = code!("0003", Error, "a file is empty");
pub(crate) static NOT_CHECKED: Code = code!("0009", Note, "a rule could not be checked");
static NO_GUESTS: Code = code!("0013", Warning, "there is no guest in any file");
static NO_FLEET: Code = code!("0012", Error, "the guests make no fleet");

/// The codes of what is found while files are read.
pub(crate) static CODES: &[&Code] = &[
    &UNREADABLE,
    &NOT_TEXT,
    &EMPTY,
    &SYNTAX,
    &TWICE,
    &SHAPE,
    &REQUIRED,
    &REFUSED,
    &NOT_CHECKED,
    &OLD_SPELLING,
    &SECRET_LITERAL,
    &NO_FLEET,
    &NO_GUESTS,
    &LEFT_OUT,
    &MISFIT,
    &NAMED_TWICE,
    &UNDECLARED,
    &CHANNEL_KEY,
    &CHANNEL,
    &UNPACKED,
];

/// A fleet in which no rule found an error. There is no other way to one than [`load()`].
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedFleet(Fleet);

impl Deref for CheckedFleet {
    type Target = Fleet;

    fn deref(&self) -> &Fleet {
        &self.0
    }
}

/// What became of the files.
#[derive(Debug)]
pub struct Loaded {
    /// The texts, for whoever is to be shown a finding.
    pub sources: Sources,
    /// What was found, by file and line.
    pub findings: Vec<Finding>,
    /// The guests, unless there is an error among the findings.
    pub fleet: Option<CheckedFleet>,
    /// What the host is to be, unless there is an error among the findings about the host itself.
    pub host: Option<HostSpec>,
    /// What the host's file says of webhooks, right or wrong.
    pub webhooks: Option<RawWebhooks>,
    /// How many guests were read.
    pub guests: usize,
    /// The node the inventory is about.
    pub node: Option<String>,
    /// What the guests bring along.
    pub packs: Packs,
    roster: Roster,
}

impl Loaded {
    /// Says whether the files have a guest with this number, right or wrong.
    pub fn knows(&self, vmid: Vmid) -> bool {
        self.roster.knows(vmid)
    }

    /// Returns what keeps a file of guests from being read at all: nobody knows then which guests there are.
    pub fn unread(&self) -> Option<&Finding> {
        let unread = [&UNREADABLE, &NOT_TEXT, &EMPTY, &SYNTAX];
        self.findings.iter().find(|finding| {
            matches!(finding.place.file, File::Lxc | File::Vm) && unread.contains(&finding.code)
        })
    }

    /// Returns guests that somebody who typed this number may have meant, as people call them.
    pub fn near(&self, vmid: Vmid) -> Vec<String> {
        self.roster.near(vmid)
    }

    /// Returns where a guest stands.
    pub(crate) fn place(&self, vmid: Vmid) -> Option<Place> {
        self.roster.place(vmid)
    }

    /// Forgets every finding that concerns neither these guests, nor a guest they stand on, nor the
    /// host.
    pub fn keep_about(&mut self, guests: &[Vmid]) {
        let places = self.roster.places_below(guests);
        self.guests = places.len();
        self.findings.retain(|finding| {
            std::iter::once(&finding.place)
                .chain(finding.also.iter().map(|(place, _)| place))
                .any(|place| place.entry.is_none_or(|nth| places.contains(&(place.file, nth))))
        });
    }

    /// Says whether nobody can go by what the host's file says of webhooks, or does not say.
    pub fn refuses_webhooks(&self) -> bool {
        let is_about_them = |place: &Place| match place.path.first() {
            Some(Segment::Key(key)) => key == "webhooks",
            // It could be anywhere in the file.
            Some(Segment::Index(_)) | None => true,
        };
        self.findings.iter().any(|finding| {
            let place = &finding.place;
            let is_there = place.file == File::Hypervisor && is_about_them(place);
            finding.level() == Level::Error && is_there
        })
    }

    /// Counts the findings of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level() == level).count()
    }
}

/// What is checked, and against what.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Where the files are.
    pub folder: &'a Folder,
    /// Facts of the host; absent means `inventory.json` in the folder, if it is there.
    pub inventory: Option<PathBuf>,
    /// The features there are.
    pub library: &'a Library,
}

/// Reads the files and checks them by every rule.
pub fn load(input: &Input<'_>) -> Loaded {
    load_for(input, Wanted::Guests)
}

/// Reads what there is about a host, which may be its own file alone: it is set up before it has
/// guests. Files of guests that are there are checked all the same.
pub fn load_host(input: &Input<'_>) -> Loaded {
    load_for(input, Wanted::Host)
}

fn load_for(input: &Input<'_>, wanted: Wanted) -> Loaded {
    let mut findings = Vec::new();
    let inventory = input.inventory.as_deref();
    let sources = Sources::read(input.folder, inventory, wanted, &mut |file, err| {
        findings.push(unreadable(file, &err));
    });
    check(sources, findings, input.folder, input.library)
}

/// The bytes of the three files, for those who have no folder.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// `phoenix_hypervisor_config.json`.
    pub hypervisor: &'a [u8],
    /// `phoenix_lxc_configs.json`.
    pub lxc: &'a [u8],
    /// `phoenix_vm_configs.json`.
    pub vm: &'a [u8],
}

/// Checks texts that are in no folder, against the features that came with this program.
pub fn load_texts(texts: &Texts<'_>, library: &Library) -> Loaded {
    let mut findings = Vec::new();
    let sources = Sources::from_bytes(texts, &mut |file, err| {
        findings.push(unreadable(file, &err));
    });
    check(sources, findings, &Folder::default(), library)
}

fn check(
    mut sources: Sources,
    mut findings: Vec<Finding>,
    folder: &Folder,
    library: &Library,
) -> Loaded {
    let hypervisor = sources.whole(File::Hypervisor, &schema::HYPERVISOR, &mut findings);
    let inventory = sources.whole::<Inventory>(File::Inventory, &schema::INVENTORY, &mut findings);
    let Read { mut guests, unreadable, lxc_head, mut ignored, entries } =
        guests::read(&mut sources, &mut findings);
    sources.set_entries(entries);

    let (hypervisor_raw, hypervisor_ignored) = hypervisor;
    ignored.extend(hypervisor_ignored);
    let (inventory, _) = inventory;
    let node = inventory.as_ref().and_then(|inventory| inventory.node.clone());
    let hypervisor_raw = hypervisor_raw.unwrap_or_default();
    read::host(&hypervisor_raw, &mut findings);
    let webhooks = read::webhooks(&sources, &mut findings);
    let host = Host::of(&hypervisor_raw);
    resolve::shared_volumes(&mut guests, &hypervisor_raw);
    resolve::settings(&mut guests, library);
    let by_id = resolve::index(&guests);
    resolve::parents(&mut guests, &by_id);
    resolve::inherited(&mut guests, &by_id);
    let packs = Packs::of(&mut guests, folder, &mut findings);

    let scene = Scene {
        guests: &guests,
        by_id,
        unreadable: &unreadable,
        hypervisor: &hypervisor_raw,
        webhooks: webhooks.as_ref(),
        lxc_head: &lxc_head,
        host: &host,
        library,
        inventory: inventory.as_ref(),
        folder,
        sources: &sources,
        ignored: &ignored,
    };
    let found = Findings::default();
    found.extend(findings);
    rules::run(&scene, &found);
    drop(scene);
    let host_spec = HostSpec::of(&hypervisor_raw, folder);
    let mut findings = found.into_vec();
    if findings.iter().all(|finding| finding.level() != Level::Error) {
        findings.extend(left_out(&hypervisor_raw, &host_spec));
    }

    let count = guests.len();
    let has_files = [File::Lxc, File::Vm].into_iter().any(|file| sources.get(file).is_some());
    if count == 0 && has_files && findings.iter().all(|finding| finding.level() != Level::Error) {
        let place =
            Place::file(if sources.get(File::Lxc).is_some() { File::Lxc } else { File::Vm });
        findings.push(
            Finding::new(&NO_GUESTS, place, "there is no guest in any of the files").help(
                "containers stand under `lxc_configs` in phoenix_lxc_configs.json, machines under `vms` in phoenix_vm_configs.json",
            ),
        );
    }
    let roster = Roster::of(&guests, &unreadable);
    let is_clean = findings.iter().all(|finding| finding.level() != Level::Error);
    let fleet = is_clean
        .then(|| make_fleet(guests.into_iter().map(|guest| guest.spec), &mut findings))
        .flatten();
    sources.sort(&mut findings);
    let is_host_clean =
        !findings.iter().any(|finding| finding.level() == Level::Error && finding.is_about_host());
    let host = is_host_clean.then_some(host_spec);
    Loaded { sources, findings, fleet, host, webhooks, guests: count, node, packs, roster }
}

fn make_fleet(
    guests: impl Iterator<Item = Box<GuestSpec>>,
    findings: &mut Vec<Finding>,
) -> Option<CheckedFleet> {
    match Fleet::try_new(guests) {
        Ok(fleet) => Some(CheckedFleet(fleet)),
        // The rules should have found it, and said it better.
        Err(err) => {
            findings.push(Finding::new(&NO_FLEET, Place::file(File::Lxc), err.to_string()).help(
                "this is a mistake of ours too: a rule should have found it; please report it",
            ));
            None
        }
    }
}

pub(crate) fn unreadable(file: File, err: &crate::source::SourceError) -> Finding {
    use crate::source::SourceError as E;
    let message = match std::error::Error::source(err) {
        Some(cause) => format!("{err}: {cause}"),
        None => err.to_string(),
    };
    let (code, help) = match err {
        E::NotRead { .. } => match file {
            File::Hypervisor => (&UNREADABLE, "`--config DIR` says where the files are"),
            File::Lxc | File::Vm => (
                &UNREADABLE,
                "`--config DIR` says where the files are; one of phoenix_lxc_configs.json and \
                 phoenix_vm_configs.json is enough",
            ),
            File::Inventory => (&UNREADABLE, "`--inventory FILE` says where it is"),
            File::Channels => (&UNREADABLE, "`--channels FILE` says where it is"),
        },
        E::Directory { .. } => (&UNREADABLE, "a file of this name is wanted"),
        E::TooLarge { .. } => (&UNREADABLE, "a config of this size is a mistake"),
        E::NotUtf8 { .. } => (&NOT_TEXT, "save the file as UTF-8"),
        E::ByteOrderMark { .. } => (&NOT_TEXT, "save the file as UTF-8 without a byte order mark"),
        E::Empty { .. } => (&EMPTY, "write at least `{}` into it"),
    };
    Finding::new(code, Place::span(file, 0..0), message).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_set_up_before_it_has_guests_and_its_guests_are_checked_once_it_has() {
        let place = tempfile::tempdir().unwrap();
        let write = |file: File, text: &str| {
            std::fs::write(place.path().join(file.name()), text).unwrap();
        };
        write(File::Hypervisor, r#"{ "timezone": "Europe/Berlin" }"#);
        let (folder, library) = (Folder::new(place.path()), Library::built_in().unwrap());
        let input = Input { folder: &folder, inventory: None, library: &library };
        let codes = |loaded: &Loaded| {
            let codes = loaded.findings.iter().map(|finding| finding.code.to_string());
            codes.collect::<Vec<_>>()
        };

        let alone = load_host(&input);
        assert_eq!(codes(&alone), [""; 0]);
        assert_eq!(alone.host.unwrap().timezone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(codes(&load(&input)), ["PHX0001"], "whoever wants guests has to have a file");

        write(File::Lxc, r#"{ "lxc_configs": { "950": {} } }"#);
        let with_guests = load_host(&input);
        assert!(with_guests.host.is_some(), "what is wrong with a guest keeps no host from it");
        assert!(!codes(&with_guests).is_empty());
    }
}
