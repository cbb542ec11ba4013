//! Reading the guests of all files, several at a time.

use std::num::NonZero;
use std::thread;

use phoenix_domain::Vmid;
use rustc_hash::FxHashSet;
use serde::de::DeserializeOwned;

use crate::document::{Document, Guests};
use crate::finding::Finding;
use crate::members::{Members, offset_in};
use crate::place::{File, Place};
use crate::raw::{RawContainer, RawLxcHead, RawMachine, RawVmHead};
use crate::read::{self, Defaults, REQUIRED, Reading};
use crate::scene::{Guest, Ignored};
use crate::schema;
use crate::shape::{self, SHAPE};
use crate::sources::{Entries, Entry, Sources};

/// The guests of all files.
pub(crate) struct Read {
    pub(crate) guests: Vec<Guest>,
    pub(crate) unreadable: FxHashSet<Vmid>,
    pub(crate) lxc_head: RawLxcHead,
    pub(crate) ignored: Vec<Ignored>,
    pub(crate) entries: Entries,
}

/// A file of guests, taken apart.
struct Parts {
    /// The members besides the guests, as JSON of their own.
    head: String,
    /// Where the guests are.
    entries: Vec<Entry>,
}

/// A guest that is still to be read.
#[derive(Clone, Copy)]
struct Unread<'a> {
    nth: usize,
    /// Its id, if the file is a map of guests by id.
    id: Option<&'a str>,
    /// Its text.
    json: &'a str,
    /// Where that begins.
    offset: usize,
}

/// What one thread has read.
#[derive(Default)]
struct Share {
    guests: Vec<Guest>,
    unreadable: Vec<Vmid>,
    ignored: Vec<Ignored>,
    findings: Vec<Finding>,
}

/// Reads the guests of both files.
pub(crate) fn read(sources: &mut Sources, findings: &mut Vec<Finding>) -> Read {
    let mut all = Share::default();
    let mut entries = Entries::default();
    let mut lxc_head = RawLxcHead::default();

    if let Some(parts) = take_apart(sources, File::Lxc, "lxc_configs", findings)
        && let Some(source) = sources.get(File::Lxc)
    {
        lxc_head = head(&parts.head, File::Lxc, &schema::LXC_HEAD, &mut all);
        all.extend(in_shares(source.json(), &parts.entries, container));
        entries.lxc = parts.entries;
    }
    if let Some(parts) = take_apart(sources, File::Vm, "vms", findings)
        && let Some(source) = sources.get(File::Vm)
    {
        let head: RawVmHead = head(&parts.head, File::Vm, &schema::VM_HEAD, &mut all);
        let defaults = Defaults::read(head.vm_defaults.as_ref(), findings);
        all.extend(in_shares(source.json(), &parts.entries, |guest, share| {
            machine(guest, &defaults, share);
        }));
        entries.vm = parts.entries;
    }

    findings.append(&mut all.findings);
    Read {
        guests: all.guests,
        unreadable: all.unreadable.into_iter().collect(),
        lxc_head,
        ignored: all.ignored,
        entries,
    }
}

/// Takes a file apart. One that is no JSON as it stands may be once its comments are blanked.
fn take_apart(
    sources: &mut Sources,
    file: File,
    guests_key: &'static str,
    findings: &mut Vec<Finding>,
) -> Option<Parts> {
    let source = sources.get_mut(file)?;
    let parts = |json: &str, findings: &mut Vec<Finding>| {
        let document = Document::take_apart(json, guests_key)?;
        let entries = entries(json, document.guests, file, guests_key, findings);
        Ok(Parts { head: document.head, entries })
    };
    let taken = match parts(source.json(), findings) {
        Err(_) if source.blank_comments() => parts(source.json(), findings),
        taken => taken,
    };
    match taken {
        Ok(parts) => Some(parts),
        Err(err) => {
            findings.push(shape::syntax(source.json(), &Place::file(file), Some(0), &err));
            None
        }
    }
}

fn head<T: Default + DeserializeOwned>(
    json: &str,
    file: File,
    schema: &shape::Schema,
    share: &mut Share,
) -> T {
    let at = Place::file(file);
    let read = shape::read(json, schema, &at, None);
    share.take(&at, read.findings, read.ignored);
    read.value.unwrap_or_default()
}

fn entries(
    json: &str,
    guests: Guests<'_>,
    file: File,
    guests_key: &'static str,
    findings: &mut Vec<Finding>,
) -> Vec<Entry> {
    let span = |part: &str| {
        let start = offset_in(json, part);
        start..start + part.len()
    };
    match (guests, file) {
        (Guests::Absent, _) => Vec::new(),
        (Guests::Map(Members(members)), _) => members
            .iter()
            .map(|member| Entry {
                key: Some(span(member.quoted_key())),
                value: span(member.value.get()),
            })
            .collect(),
        (Guests::List(list), File::Vm) => {
            list.iter().map(|value| Entry { key: None, value: span(value.get()) }).collect()
        }
        (Guests::List(_) | Guests::Neither, _) => {
            let message = format!("`{guests_key}` has the wrong shape: it maps ids to guests");
            let place = Place::file(file).key(guests_key);
            findings.push(
                Finding::new(&SHAPE, place, message)
                    .help(format!("write `\"{guests_key}\": {{ \"950\": {{ … }} }}`")),
            );
            Vec::new()
        }
    }
}

/// Lets every core read a share of the guests, and returns the shares in the guests' order.
fn in_shares(
    json: &str,
    entries: &[Entry],
    read: impl Fn(Unread<'_>, &mut Share) + Sync,
) -> Vec<Share> {
    // A few guests are read before a thread has started.
    const WORTH_A_THREAD: usize = 500;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(entries.len() / WORTH_A_THREAD).max(1);
    let length = entries.len().div_ceil(threads).max(1);
    let read_all = |first: usize, entries: &[Entry]| {
        let mut share = Share { guests: Vec::with_capacity(entries.len()), ..Share::default() };
        for (nth, entry) in entries.iter().enumerate() {
            read(entry.unread(first + nth, json), &mut share);
        }
        share
    };
    if threads == 1 {
        return vec![read_all(0, entries)];
    }
    thread::scope(|scope| {
        let shares: Vec<_> = entries
            .chunks(length)
            .enumerate()
            .map(|(nth, entries)| scope.spawn(move || read_all(nth * length, entries)))
            .collect();
        shares
            .into_iter()
            .map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn container(unread: Unread<'_>, share: &mut Share) {
    let at = Place::entry(File::Lxc, unread.nth);
    let Some(vmid) = vmid(unread.id.unwrap_or_default(), &at, share) else { return };
    let read =
        shape::read::<RawContainer>(unread.json, &schema::CONTAINER, &at, Some(unread.offset));
    share.take(&at, read.findings, read.ignored);
    let guest = read
        .value
        .and_then(|raw| read::container(vmid, raw, Reading::new(at, &mut share.findings)));
    share.put(vmid, guest);
}

fn machine(unread: Unread<'_>, defaults: &Defaults, share: &mut Share) {
    let at = Place::entry(File::Vm, unread.nth);
    let read = shape::read::<RawMachine>(unread.json, &schema::MACHINE, &at, Some(unread.offset));
    share.take(&at, read.findings, read.ignored);
    let written = read.value.as_ref().and_then(|raw| raw.vmid.clone()).map(|label| label.0);
    let Some(id) = written.or_else(|| unread.id.map(str::to_owned)) else {
        share.findings.push(
            Finding::new(&REQUIRED, at, "`vmid` is missing").help("give the machine its number"),
        );
        return;
    };
    let Some(vmid) = vmid(&id, &at.clone().key("vmid"), share) else { return };
    let guest = read
        .value
        .and_then(|raw| read::machine(vmid, raw, defaults, Reading::new(at, &mut share.findings)));
    share.put(vmid, guest);
}

fn vmid(id: &str, at: &Place, share: &mut Share) -> Option<Vmid> {
    Reading::new(at.clone(), &mut share.findings).word(at.clone().named(), id.trim())
}

impl Entry {
    /// Returns the text of the guest, to be read.
    fn unread<'a>(&self, nth: usize, json: &'a str) -> Unread<'a> {
        let quoted = self.key.as_ref().and_then(|key| json.get(key.clone()));
        Unread {
            nth,
            // An id has no escapes in it; a key that has is refused with its place.
            id: quoted.map(|quoted| quoted.trim_matches('"')),
            json: json.get(self.value.clone()).unwrap_or_default(),
            offset: self.value.start,
        }
    }
}

impl Share {
    fn take(
        &mut self,
        at: &Place,
        findings: Vec<Finding>,
        ignored: Vec<Vec<crate::place::Segment>>,
    ) {
        self.findings.extend(findings);
        self.ignored.extend(ignored.into_iter().map(|path| Ignored::at(at.clone().along(path))));
    }

    fn put(&mut self, vmid: Vmid, guest: Option<Guest>) {
        match guest {
            Some(guest) => self.guests.push(guest),
            None => self.unreadable.push(vmid),
        }
    }

    fn extend(&mut self, shares: Vec<Self>) {
        for share in shares {
            self.guests.extend(share.guests);
            self.unreadable.extend(share.unreadable);
            self.ignored.extend(share.ignored);
            self.findings.extend(share.findings);
        }
    }
}
