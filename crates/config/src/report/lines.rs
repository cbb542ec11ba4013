//! From bytes of a file to lines and columns, and to what of a line is shown.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::place::{File, Place};
use crate::secrets;
use crate::sources::Sources;

/// Where something is, as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The line, from 1.
    pub(super) line: usize,
    /// The character in it, from 1.
    pub(super) column: usize,
}

/// The lines of all files, found once.
pub(super) struct Lines<'a> {
    sources: &'a Sources,
    starts: HashMap<File, Vec<usize>>,
}

/// A line to be shown, or as much of it as fits.
pub(super) struct Shown<'a> {
    /// The text, without secrets.
    pub(super) text: Cow<'a, str>,
    /// What is marked, as bytes of that text.
    pub(super) marked: Range<usize>,
    /// Where the mark begins in its file.
    pub(super) position: Position,
    /// Whether the text is only a part of the line.
    pub(super) is_cut: bool,
}

/// A longer line is shown in part: a file may be all one line.
const WIDEST: usize = 160;

impl<'a> Lines<'a> {
    pub(super) fn of(sources: &'a Sources) -> Self {
        let files = [File::Hypervisor, File::Lxc, File::Vm, File::Inventory];
        let starts = files
            .into_iter()
            .filter_map(|file| {
                let text = sources.get(file)?.text();
                let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
                Some((file, std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()))
            })
            .collect();
        Self { sources, starts }
    }

    /// Returns where a place begins and ends.
    pub(super) fn positions(&self, place: &Place) -> (Position, Position) {
        let span = self.sources.span(place);
        (self.position(place.file, span.start), self.position(place.file, span.end))
    }

    /// Returns the line of a place, ready to be shown.
    pub(super) fn shown(&self, place: &Place) -> Option<Shown<'a>> {
        let source = self.sources.get(place.file)?;
        let text = source.text();
        let span = self.sources.span(place);
        let position = self.position(place.file, span.start);
        let starts = self.starts.get(&place.file)?;
        let start = *starts.get(position.line - 1)?;
        let end = starts.get(position.line).map_or(text.len(), |next| next - 1);
        let (from, to) = window(text, start..end, span.start);
        let known = self.sources.part_around(place.file, from).start;
        let shown = secrets::masked(text, source.json(), known, from..to);
        let marked_end = span.end.clamp(span.start, to);
        let marked = span.start.saturating_sub(from)..marked_end.saturating_sub(from);
        Some(Shown { text: shown, marked, position, is_cut: (from, to) != (start, end) })
    }

    fn position(&self, file: File, offset: usize) -> Position {
        let nothing = Position { line: 1, column: 1 };
        let (Some(source), Some(starts)) = (self.sources.get(file), self.starts.get(&file)) else {
            return nothing;
        };
        let line = starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|nth| starts.get(nth)).copied().unwrap_or(0);
        let before = source.text().get(start..offset).unwrap_or_default();
        Position { line: line.max(1), column: before.chars().count() + 1 }
    }
}

/// Returns the part of a line around an offset that is shown.
fn window(text: &str, line: Range<usize>, offset: usize) -> (usize, usize) {
    if line.len() <= WIDEST {
        return (line.start, line.end);
    }
    let from = offset.saturating_sub(WIDEST / 4).max(line.start);
    let to = (from + WIDEST).min(line.end);
    (boundary(text, from), boundary(text, to))
}

fn boundary(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
