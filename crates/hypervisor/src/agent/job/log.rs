//! What a job prints, as it comes.

/// How much of its end is kept.
const KEPT: usize = 64 * 1024;
/// How long a line may be that is heard whole.
const LINE: usize = 500;
/// How long one may become without an end.
const LONGEST: usize = 64 * 1024;

/// What a job prints, as it comes.
pub(super) struct Log<H> {
    heard: H,
    length: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
    kept: Vec<u8>,
}

impl<H: FnMut(&str)> Log<H> {
    pub(super) fn new(heard: H) -> Self {
        Self { heard, length: 0, begun: Vec::new(), kept: Vec::new() }
    }

    /// Returns how much has come.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Takes what has come, and has whole lines heard.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.length += u64::try_from(piece.len()).unwrap_or_default();
        self.kept.extend(piece);
        let before = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..before);
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend(part);
            if part.ends_with(b"\n") || self.begun.len() >= LONGEST {
                self.end();
            }
        }
    }

    /// Has the rest heard, once nothing will come any more.
    pub(super) fn end(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = String::from_utf8_lossy(&line);
        // Of what was written over itself, the last; and nothing that moves a cursor.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        let plain: String = line.chars().filter(|one| !one.is_control()).take(LINE).collect();
        if !plain.trim().is_empty() {
            (self.heard)(&plain);
        }
    }

    /// Returns the end of all that has come, and whether there was more.
    pub(super) fn tail(&self) -> (String, bool) {
        let cut = self.length > u64::try_from(self.kept.len()).unwrap_or_default();
        (String::from_utf8_lossy(&self.kept).into_owned(), cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut log = Log::new(|line: &str| lines.push(line.to_owned()));
        for piece in pieces {
            log.take(piece);
        }
        log.end();
        lines
    }

    #[test]
    fn a_line_is_heard_once_it_is_whole_and_shows_no_more_than_its_text() {
        assert_eq!(
            lines(&[b"one\ntw", b"o\n\n", b"  1%\r100%\n\x1b[2Jred"]),
            ["one", "two", "100%", "[2Jred"]
        );
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let heard = lines(&[&vec![b'x'; 3 * LONGEST]]);

        assert!(heard.iter().all(|line| line.len() == LINE), "{}", heard.len());
    }

    #[test]
    fn of_much_the_end_is_kept() {
        let mut log = Log::new(|_: &str| {});
        log.take(&vec![b'a'; KEPT]);
        assert!(!log.tail().1);
        log.take(b"the end");

        let (tail, cut) = log.tail();

        assert!(cut && tail.ends_with("athe end"));
        assert_eq!((tail.len(), log.length()), (KEPT, KEPT as u64 + 7));
    }
}
