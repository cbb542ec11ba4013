//! The texts of all files, and where in them a place is.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::finding::Finding;
use crate::folder::Folder;
use crate::load::Texts;
use crate::place::{Aspect, File, Place, Segment, locate};
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
    entries: Entries,
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
    /// Reads the files of a folder. The host's file must be there, and one file of guests.
    pub(crate) fn read(
        folder: &Folder,
        inventory: Option<&Path>,
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
                File::Lxc => there(File::Lxc) || !there(File::Vm),
                File::Vm => there(File::Vm),
                File::Inventory => inventory.is_some() || there(File::Inventory),
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

    fn put(&mut self, file: File, source: Source) {
        *self.slot(file) = Some(source);
    }

    fn slot(&mut self, file: File) -> &mut Option<Source> {
        match file {
            File::Hypervisor => &mut self.hypervisor,
            File::Lxc => &mut self.lxc,
            File::Vm => &mut self.vm,
            File::Inventory => &mut self.inventory,
        }
    }

    /// Returns the text of a file, where it could be read.
    pub fn get(&self, file: File) -> Option<&Source> {
        match file {
            File::Hypervisor => self.hypervisor.as_ref(),
            File::Lxc => self.lxc.as_ref(),
            File::Vm => self.vm.as_ref(),
            File::Inventory => self.inventory.as_ref(),
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
        match file {
            File::Lxc => self.entries.lxc.get(nth),
            File::Vm => self.entries.vm.get(nth),
            File::Hypervisor | File::Inventory => None,
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

    /// Sorts findings by file and place.
    pub(crate) fn sort(&self, findings: &mut [Finding]) {
        findings.sort_by_cached_key(|finding| {
            (finding.place.file, self.span(&finding.place).start, finding.code.number)
        });
    }
}
