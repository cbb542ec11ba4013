//! The text of one file, as it was found.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The text of one file. What is parsed has its comments blanked, what is shown has them.
#[derive(Clone, Debug, Default)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// The text with comments replaced by blanks, byte for byte; absent where there are none.
    without_comments: Option<String>,
}

/// A fleet of 100,000 guests has 120 MiB; what is ten times as large is no config.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// Why a file is no text.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It could not be read at all.
    #[error("cannot read {}", path.display())]
    NotRead {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// There is a directory in its place.
    #[error("{} is a directory, not a file", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// It is larger than any config.
    #[error("{} has more than {} MiB", path.display(), MOST_BYTES / 1024 / 1024)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Some byte of it is no UTF-8.
    #[error("{} is not UTF-8: byte {offset} (line {line}) does not belong there", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first byte that is wrong, counted from 0.
        offset: usize,
        /// Its line, counted from 1.
        line: usize,
    },
    /// It begins with a byte order mark.
    #[error("{} begins with a byte order mark", path.display())]
    ByteOrderMark {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        if path.is_dir() {
            return Err(SourceError::Directory { path: path.to_owned() });
        }
        let not_read = |err| SourceError::NotRead { path: path.to_owned(), err };
        if fs::metadata(path).map_err(not_read)?.len() > MOST_BYTES {
            return Err(SourceError::TooLarge { path: path.to_owned() });
        }
        let bytes = fs::read(path).map_err(not_read)?;
        Self::from_bytes(path, bytes)
    }

    /// Takes bytes that were read from `path`.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let path = path.to_owned();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(err) => {
                let offset = err.utf8_error().valid_up_to();
                let before = err.as_bytes().get(..offset).unwrap_or_default();
                let line = 1 + memchr::memchr_iter(b'\n', before).count();
                return Err(SourceError::NotUtf8 { path, offset, line });
            }
        };
        if text.starts_with('\u{feff}') {
            return Err(SourceError::ByteOrderMark { path });
        }
        if text.trim_ascii().is_empty() {
            return Err(SourceError::Empty { path });
        }
        Ok(Self { path, text, without_comments: None })
    }

    /// Returns where the text came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the text as the operator wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text to parse; an offset into it is an offset into [`Source::text`].
    pub fn json(&self) -> &str {
        self.without_comments.as_deref().unwrap_or(&self.text)
    }

    /// Blanks the comments, if there are any, and says whether there were.
    ///
    /// It is called when the text did not parse as it stands, so that a file without comments,
    /// however large, is not read once more for them.
    pub fn blank_comments(&mut self) -> bool {
        let comments = comments(&self.text);
        if comments.is_empty() {
            return false;
        }
        let mut bytes = self.text.clone().into_bytes();
        for comment in comments {
            for byte in bytes.get_mut(comment).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        // Only whole comments were overwritten, and by ASCII: it is text still.
        self.without_comments = String::from_utf8(bytes).ok();
        self.without_comments.is_some()
    }
}

/// Finds `// …` and `/* … */` outside of strings.
fn comments(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                let rest = bytes.get(at..).unwrap_or_default();
                let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                found.push(at..end);
                at = end;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let inside = text.get(at + 2..).unwrap_or_default();
                // One that is never closed is left as it is: the parser names its place.
                let Some(length) = inside.find("*/") else { break };
                found.push(at..at + 2 + length + 2);
                at += 2 + length + 2;
            }
            _ => at += 1,
        }
    }
    found
}

/// Returns the offset behind the string that opens at `open`.
fn end_of_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Turns a line and column as `serde_json` counts them into an offset into `text`.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(nth) => text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .nth(nth)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        let mut source = Source::from_bytes(Path::new("x.json"), text.into()).unwrap();
        source.blank_comments();
        source.json().to_owned()
    }

    #[test]
    fn comments_are_blanked_where_they_are_and_nowhere_else() {
        assert_eq!(blanked("{} // ä\n1"), "{}      \n1");
        assert_eq!(blanked("[1, /* a\n b */ 2]"), "[1,     \n      2]");
        assert_eq!(blanked(r#"{"a": "http://x/*y*/\" // z"}"#), r#"{"a": "http://x/*y*/\" // z"}"#);
        assert_eq!(blanked("1 /* open"), "1 /* open");
    }

    #[test]
    fn a_place_counted_in_lines_is_found_again() {
        let text = "ab\ncd\n\nef";
        assert_eq!(offset_of(text, 1, 1), 0);
        assert_eq!(offset_of(text, 2, 2), 4);
        assert_eq!(offset_of(text, 4, 1), 7);
        assert_eq!(offset_of(text, 9, 9), text.len());
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let refuse =
            |bytes: &[u8]| Source::from_bytes(Path::new("x.json"), bytes.to_vec()).unwrap_err();
        assert!(matches!(refuse(b"{\n\xff"), SourceError::NotUtf8 { offset: 2, line: 2, .. }));
        assert!(matches!(refuse(b"\xef\xbb\xbf{}"), SourceError::ByteOrderMark { .. }));
        assert!(matches!(refuse(b" \n"), SourceError::Empty { .. }));
    }
}
