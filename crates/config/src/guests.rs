//! Reading the guests of all files, several at a time.

use std::collections::HashSet;
use std::num::NonZero;
use std::thread;

use phoenix_domain::Vmid;
use serde_json::value::RawValue;

use crate::document::{Document, Guests};
use crate::finding::Finding;
use crate::members::{Member, Members, offset_in};
use crate::place::{File, Place};
use crate::raw::{RawContainer, RawLxcHead, RawMachine, RawVmHead};
use crate::read::{self, Defaults, REQUIRED, Reading};
use crate::scene::{Guest, Ignored};
use crate::shape::{self, SHAPE};
use crate::sources::{Entries, Entry, Sources};
use crate::{schema, source};

/// The guests of all files.
pub(crate) struct Read {
    pub(crate) guests: Vec<Guest>,
    pub(crate) unreadable: HashSet<Vmid>,
    pub(crate) lxc_head: RawLxcHead,
    pub(crate) ignored: Vec<Ignored>,
    pub(crate) entries: Entries,
}

/// A guest that is still to be read.
struct Unread<'a> {
    nth: usize,
    /// Its key; a machine in a list has none.
    key: Option<Member<'a>>,
    value: &'a RawValue,
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
    for (file, key) in [(File::Lxc, "lxc_configs"), (File::Vm, "vms")] {
        if let Some(source) = sources.get_mut(file)
            && Document::take_apart(source.json(), key).is_err()
        {
            source.blank_comments();
        }
    }
    let mut all = Share::default();
    let mut entries = Entries::default();
    let mut lxc_head = RawLxcHead::default();

    if let Some(source) = sources.get(File::Lxc)
        && let Some(document) = open(source, File::Lxc, "lxc_configs", findings)
    {
        let at = Place::file(File::Lxc);
        let head = shape::read::<RawLxcHead>(&document.head, &schema::LXC_HEAD, &at, None);
        lxc_head = head.value.unwrap_or_default();
        findings.extend(head.findings);
        all.ignored
            .extend(head.ignored.into_iter().map(|path| at.clone().along(path)).map(Ignored::at));
        let unread = unread(document.guests, File::Lxc, "lxc_configs", findings);
        entries.lxc = unread.iter().map(|guest| guest.entry(source.json())).collect();
        all.extend(in_shares(&unread, |guest, share| container(guest, source.json(), share)));
    }
    if let Some(source) = sources.get(File::Vm)
        && let Some(document) = open(source, File::Vm, "vms", findings)
    {
        let at = Place::file(File::Vm);
        let head = shape::read::<RawVmHead>(&document.head, &schema::VM_HEAD, &at, None);
        findings.extend(head.findings);
        all.ignored
            .extend(head.ignored.into_iter().map(|path| at.clone().along(path)).map(Ignored::at));
        let head = head.value.unwrap_or_default();
        let defaults = Defaults::read(head.vm_defaults.as_ref(), findings);
        let unread = unread(document.guests, File::Vm, "vms", findings);
        entries.vm = unread.iter().map(|guest| guest.entry(source.json())).collect();
        all.extend(in_shares(&unread, |guest, share| {
            machine(guest, source.json(), &defaults, share);
        }));
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

fn open<'a>(
    source: &'a source::Source,
    file: File,
    guests_key: &str,
    findings: &mut Vec<Finding>,
) -> Option<Document<'a>> {
    match Document::take_apart(source.json(), guests_key) {
        Ok(document) => Some(document),
        Err(err) => {
            let at = Place::file(file);
            findings.push(shape::syntax(source.json(), &at, Some(0), &err));
            None
        }
    }
}

fn unread<'a>(
    guests: Guests<'a>,
    file: File,
    guests_key: &'static str,
    findings: &mut Vec<Finding>,
) -> Vec<Unread<'a>> {
    match (guests, file) {
        (Guests::Absent, _) => Vec::new(),
        (Guests::Map(Members(members)), _) => members
            .into_iter()
            .enumerate()
            .map(|(nth, member)| Unread { nth, key: Some(member), value: member.value })
            .collect(),
        (Guests::List(list), File::Vm) => list
            .into_iter()
            .enumerate()
            .map(|(nth, value)| Unread { nth, key: None, value })
            .collect(),
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
fn in_shares<'a>(
    guests: &[Unread<'a>],
    read: impl Fn(&Unread<'a>, &mut Share) + Sync,
) -> Vec<Share> {
    // A few guests are read before a thread has started.
    const WORTH_A_THREAD: usize = 500;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(guests.len() / WORTH_A_THREAD).max(1);
    let read_all = |guests: &[Unread<'a>]| {
        let mut share = Share { guests: Vec::with_capacity(guests.len()), ..Share::default() };
        for guest in guests {
            read(guest, &mut share);
        }
        share
    };
    if threads == 1 {
        return vec![read_all(guests)];
    }
    thread::scope(|scope| {
        let shares: Vec<_> = guests
            .chunks(guests.len().div_ceil(threads))
            .map(|guests| scope.spawn(|| read_all(guests)))
            .collect();
        shares
            .into_iter()
            .map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn container(unread: &Unread<'_>, json: &str, share: &mut Share) {
    let at = Place::entry(File::Lxc, unread.nth);
    let id = unread.key.map(|member| member.key());
    let Some(vmid) = vmid(id.as_deref().unwrap_or_default(), &at, share) else { return };
    let offset = Some(offset_in(json, unread.value.get()));
    let read = shape::read::<RawContainer>(unread.value.get(), &schema::CONTAINER, &at, offset);
    share.take(&at, read.findings, read.ignored);
    let guest = read
        .value
        .and_then(|raw| read::container(vmid, raw, Reading::new(at, &mut share.findings)));
    share.put(vmid, guest);
}

fn machine(unread: &Unread<'_>, json: &str, defaults: &Defaults, share: &mut Share) {
    let at = Place::entry(File::Vm, unread.nth);
    let offset = Some(offset_in(json, unread.value.get()));
    let read = shape::read::<RawMachine>(unread.value.get(), &schema::MACHINE, &at, offset);
    share.take(&at, read.findings, read.ignored);
    let key = unread.key.map(|member| member.key().into_owned());
    let inner = read.value.as_ref().and_then(|raw| raw.vmid.clone()).map(|label| label.0);
    let Some(id) = inner.or(key) else {
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

impl Unread<'_> {
    fn entry(&self, json: &str) -> Entry {
        let span = |part: &str| {
            let start = offset_in(json, part);
            start..start + part.len()
        };
        Entry {
            key: self.key.map(|member| span(member.quoted_key())),
            value: span(self.value.get()),
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
