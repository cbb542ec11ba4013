//! From bytes of a file to lines and columns, and to what of a line is shown.

use std::borrow::Cow;
use std::cell::OnceCell;
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

/// The lines of all files. They are counted when the first is asked for.
pub(super) struct Lines<'a> {
    sources: &'a Sources,
    counts: [OnceCell<Vec<usize>>; 5],
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
/// Line ends are counted up to each multiple of this many bytes, which costs far less than to
/// remember every line of a large file, and little to go on from.
const STRIDE: usize = 16 * 1024;

impl<'a> Lines<'a> {
    pub(super) fn of(sources: &'a Sources) -> Self {
        Self { sources, counts: Default::default() }
    }

    /// Returns where a place begins and ends.
    pub(super) fn positions(&self, place: &Place) -> (Position, Position) {
        let span = self.sources.span(place);
        let end = if self.is_secret(place.file, &span) { span.start } else { span.end };
        (self.position(place.file, span.start), self.position(place.file, end))
    }

    /// Says whether a place is a secret: where it ends would tell how long it is.
    fn is_secret(&self, file: File, span: &Range<usize>) -> bool {
        let Some(source) = self.sources.get(file) else { return false };
        let known = self.sources.part_around(file, span.start).start;
        let masked = secrets::masked(source.text(), source.json(), known, span.clone());
        masked.is_secret(&(0..span.len()))
    }

    /// Returns the line of a place, ready to be shown.
    pub(super) fn shown(&self, place: &Place) -> Option<Shown<'a>> {
        let source = self.sources.get(place.file)?;
        let text = source.text();
        let span = self.sources.span(place);
        let start = line_start(text, span.start);
        let end =
            text.get(span.start..)?.find('\n').map_or(text.len(), |length| span.start + length);
        let (from, to) = window(text, start..end, span.start);
        let known = self.sources.part_around(place.file, from).start;
        let marked_end = span.end.clamp(span.start, to);
        let masked = secrets::masked(text, source.json(), known, from..to);
        Some(Shown {
            marked: masked.shown(span.start.saturating_sub(from)..marked_end.saturating_sub(from)),
            text: masked.text,
            position: self.position(place.file, span.start),
            is_cut: (from, to) != (start, end),
        })
    }

    fn position(&self, file: File, offset: usize) -> Position {
        let Some(source) = self.sources.get(file) else { return Position { line: 1, column: 1 } };
        let text = source.text();
        let offset = offset.min(text.len());
        let slot = match file {
            File::Hypervisor => 0,
            File::Lxc => 1,
            File::Vm => 2,
            File::Inventory => 3,
            File::Channels => 4,
        };
        let counted = self.counts.get(slot).map(|cell| cell.get_or_init(|| counts(text)));
        let before = counted.and_then(|counts| counts.get(offset / STRIDE)).copied().unwrap_or(0);
        let rest = text.as_bytes().get(offset / STRIDE * STRIDE..offset).unwrap_or_default();
        let start = line_start(text, offset);
        let column = text.get(start..offset).unwrap_or_default().chars().count() + 1;
        Position { line: 1 + before + line_ends(rest), column }
    }
}

/// Returns how many lines end before each stride of the text.
fn counts(text: &str) -> Vec<usize> {
    let ends = text.as_bytes().chunks(STRIDE).scan(0, |before, chunk| {
        let count = *before;
        *before += line_ends(chunk);
        Some(count)
    });
    ends.collect()
}

fn line_ends(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
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
