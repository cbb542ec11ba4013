//! The texts of all files, and where in them a place is.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::finding::Finding;
use crate::folder::Folder;
use crate::load::Texts;
use crate::members::Elements;
use crate::place::{Aspect, File, Place, Segment, locate, value_at};
use crate::scene::Ignored;
use crate::shape::{self, Schema};
use crate::source::{Source, SourceError};

/// The texts of all files.
#[derive(Debug, Default)]
pub struct Sources {
    hypervisor: Option<Source>,
    lxc: Option<Source>,
    vm: Option<Source>,
    inventory: Option<Source>,
    channels: Option<Source>,
    entries: Entries,
}

/// What somebody reads the files for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The guests, of whom there is a file.
    Guests,
    /// The host, of which there may be nothing else yet.
    Host,
}

/// Where the guests of the files stand.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) lxc: Vec<Entry>,
    pub(crate) vm: Vec<Entry>,
}

/// Where one guest stands.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its key, where it has one.
    pub(crate) key: Option<Range<usize>>,
    /// Its value.
    pub(crate) value: Range<usize>,
}

impl Entry {
    /// Returns the bytes of its id: its key, or in a list its `vmid`.
    fn id(&self, json: &str, value: &str) -> Range<usize> {
        match &self.key {
            Some(key) => key.clone(),
            None => locate(json, value, &[Segment::Key("vmid".into())], Aspect::Value),
        }
    }
}

impl Sources {
    /// Reads the files of a folder. The host's file must be there, and one file of guests where
    /// guests are wanted.
    pub(crate) fn read(
        folder: &Folder,
        inventory: Option<&Path>,
        wanted: Wanted,
        refused: &mut dyn FnMut(File, SourceError),
    ) -> Self {
        let mut sources = Self::default();
        let there = |file| folder.file(file).exists();
        for file in [File::Hypervisor, File::Lxc, File::Vm, File::Inventory] {
            let path = match (file, inventory) {
                (File::Inventory, Some(path)) => path.to_owned(),
                (_, _) => folder.file(file),
            };
            let is_wanted = match file {
                File::Hypervisor => true,
                File::Lxc => there(File::Lxc) || (wanted == Wanted::Guests && !there(File::Vm)),
                File::Vm => there(File::Vm),
                File::Inventory => inventory.is_some() || there(File::Inventory),
                File::Channels => false,
            };
            if !is_wanted {
                continue;
            }
            match Source::read(&path) {
                Ok(source) => sources.put(file, source),
                Err(err) => refused(file, err),
            }
        }
        sources
    }

    /// Takes bytes as the files.
    pub(crate) fn from_bytes(
        texts: &Texts<'_>,
        refused: &mut dyn FnMut(File, SourceError),
    ) -> Self {
        let mut sources = Self::default();
        let files =
            [(File::Hypervisor, texts.hypervisor), (File::Lxc, texts.lxc), (File::Vm, texts.vm)];
        for (file, bytes) in files {
            match Source::from_bytes(Path::new(file.name()), bytes.to_vec()) {
                Ok(source) => sources.put(file, source),
                Err(err) => refused(file, err),
            }
        }
        sources
    }

    /// Takes one text as the only file there is.
    pub(crate) fn only(file: File, source: Source) -> Self {
        let mut sources = Self::default();
        sources.put(file, source);
        sources
    }

    fn put(&mut self, file: File, source: Source) {
        *self.slot(file) = Some(source);
    }

    fn slot(&mut self, file: File) -> &mut Option<Source> {
        match file {
            File::Hypervisor => &mut self.hypervisor,
            File::Lxc => &mut self.lxc,
            File::Vm => &mut self.vm,
            File::Inventory => &mut self.inventory,
            File::Channels => &mut self.channels,
        }
    }

    /// Returns the text of a file, where it could be read.
    pub fn get(&self, file: File) -> Option<&Source> {
        match file {
            File::Hypervisor => self.hypervisor.as_ref(),
            File::Lxc => self.lxc.as_ref(),
            File::Vm => self.vm.as_ref(),
            File::Inventory => self.inventory.as_ref(),
            File::Channels => self.channels.as_ref(),
        }
    }

    /// Returns the text of a file, to blank its comments.
    pub(crate) fn get_mut(&mut self, file: File) -> Option<&mut Source> {
        self.slot(file).as_mut()
    }

    /// Reads a file that is one value.
    pub(crate) fn whole<T: DeserializeOwned>(
        &mut self,
        file: File,
        schema: &Schema,
        findings: &mut Vec<Finding>,
    ) -> (Option<T>, Vec<Ignored>) {
        let Some(source) = self.get_mut(file) else { return (None, Vec::new()) };
        source.blank_comments();
        let at = Place::file(file);
        let read = shape::read(source.json(), schema, &at, Some(0));
        findings.extend(read.findings);
        let ignored = read
            .ignored
            .into_iter()
            .map(|path| Ignored { place: at.clone().along(path) })
            .collect();
        (read.value, ignored)
    }

    /// Takes note of where the guests stand.
    pub(crate) fn set_entries(&mut self, entries: Entries) {
        self.entries = entries;
    }

    fn entry(&self, file: File, nth: usize) -> Option<&Entry> {
        self.entries(file).get(nth)
    }

    fn entries(&self, file: File) -> &[Entry] {
        match file {
            File::Lxc => &self.entries.lxc,
            File::Vm => &self.entries.vm,
            File::Hypervisor | File::Inventory | File::Channels => &[],
        }
    }

    /// Returns the bytes of a file that a place means.
    pub fn span(&self, place: &Place) -> Range<usize> {
        if let Some(span) = &place.span {
            return span.clone();
        }
        let Some(source) = self.get(place.file) else { return 0..0 };
        let json = source.json();
        let Some(nth) = place.entry else {
            return locate(json, json.trim_ascii(), &place.path, place.aspect);
        };
        let Some(entry) = self.entry(place.file, nth) else { return 0..0 };
        let value = json.get(entry.value.clone()).unwrap_or_default();
        if place.path.is_empty() {
            return entry.id(json, value);
        }
        let found = locate(json, value, &place.path, place.aspect);
        // The way ended at the guest itself: its id says more than its first bracket.
        if found.start == entry.value.start { entry.id(json, value) } else { found }
    }

    /// Returns the part of a file around an offset: a guest's value, or all that stands between two.
    pub(crate) fn part_around(&self, file: File, offset: usize) -> Range<usize> {
        let entries = self.entries(file);
        let next = entries.partition_point(|entry| entry.value.start <= offset);
        let before = next.checked_sub(1).and_then(|nth| entries.get(nth));
        match before.map(|entry| entry.value.clone()) {
            Some(value) if offset < value.end => value,
            before => {
                let end = entries.get(next).map(|entry| entry.value.start);
                let whole = || self.get(file).map_or(0, |source| source.json().len());
                before.map_or(0, |value| value.end)..end.unwrap_or_else(whole)
            }
        }
    }

    /// Returns which guest of a file stands around an offset.
    pub(crate) fn entry_around(&self, file: File, offset: usize) -> Option<usize> {
        let entries = self.entries(file);
        let nth = entries.partition_point(|entry| entry.value.start <= offset).checked_sub(1)?;
        entries.get(nth).filter(|entry| offset < entry.value.end).map(|_| nth)
    }

    /// Returns the JSON of a value, if there is one at this very place.
    pub(crate) fn value(&self, place: &Place) -> Option<&str> {
        let json = self.get(place.file)?.json();
        let start = match place.entry {
            Some(nth) => json.get(self.entry(place.file, nth)?.value.clone())?,
            None => json.trim_ascii(),
        };
        value_at(start, &place.path)
    }

    /// Returns the place of the first element of a list that is a text of which `is_it` is true;
    /// that of the list where there is none, as for a value that is no list.
    pub(crate) fn element(&self, list: Place, is_it: impl Fn(&str) -> bool) -> Place {
        let elements = Elements::of(self.value(&list).unwrap_or_default());
        let nth = elements.0.iter().position(|element| {
            serde_json::from_str::<Cow<'_, str>>(element.get()).is_ok_and(|text| is_it(&text))
        });
        match nth {
            Some(nth) => list.index(nth),
            None => list,
        }
    }

    /// Sorts findings by file and place.
    pub(crate) fn sort(&self, findings: &mut [Finding]) {
        findings.sort_by_cached_key(|finding| {
            (finding.place.file, self.span(&finding.place).start, finding.code.number)
        });
    }
}
