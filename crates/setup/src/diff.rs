//! Shows how one text becomes another, as `diff -u` does.

use std::fmt::Write as _;

/// How many lines around a difference are shown.
const AROUND: usize = 2;
/// Texts of which more lines differ are shown as one that goes and one that comes: the table would
/// have the square of it.
const MOST: usize = 2000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// Returns the difference of two texts; `was` is nothing where there was no file.
pub fn unified(path: &str, was: Option<&str>, text: &str) -> String {
    let old = if was.is_some() { path } else { "/dev/null" };
    let mut shown = format!("--- {old}\n+++ {path}\n");
    let lines = compared(was.unwrap_or_default(), text);
    let is_near = |nth: usize| {
        let from = nth.saturating_sub(AROUND);
        let near = lines.get(from..(nth + AROUND + 1).min(lines.len())).unwrap_or_default();
        near.iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let (mut old, mut new, mut is_open) = (1, 1, false);
    for (nth, line) in lines.iter().enumerate() {
        let is_shown = is_near(nth);
        if is_shown && !is_open {
            // A String takes everything that is written to it.
            let _written = writeln!(shown, "@@ line {} @@", if was.is_some() { old } else { new });
        }
        is_open = is_shown;
        let (mark, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        if is_shown {
            let _written = writeln!(shown, "{mark}{text}");
        }
        old += usize::from(!matches!(line, Line::New(_)));
        new += usize::from(!matches!(line, Line::Gone(_)));
    }
    shown
}

fn compared<'a>(was: &'a str, text: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) = (was.lines().collect(), text.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(old, new)| old == new)
        .count();
    let part = |lines: &[&'a str], from: usize, to: usize| {
        lines.get(from..to).unwrap_or_default().to_vec()
    };
    let same = |lines: Vec<&'a str>| lines.into_iter().map(Line::Same);
    let middle = changed(&part(&old, head, old.len() - tail), &part(&new, head, new.len() - tail));
    same(part(&old, 0, head))
        .chain(middle)
        .chain(same(part(&old, old.len() - tail, old.len())))
        .collect()
}

/// Compares what is between the first and the last difference by the longest that both have.
fn changed<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len().max(new.len()) > MOST {
        let gone = old.iter().map(|line| Line::Gone(line));
        return gone.chain(new.iter().map(|line| Line::New(line))).collect();
    }
    let width = new.len() + 1;
    let mut table = vec![0_u32; (old.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let longest = if line == other {
                at(&table, i + 1, j + 1) + 1
            } else {
                at(&table, i + 1, j).max(at(&table, i, j + 1))
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (Some(line), Some(other)) if line == other => {
                lines.push(Line::Same(line));
                (i, j) = (i + 1, j + 1);
            }
            (Some(line), other)
                if other.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) =>
            {
                lines.push(Line::Gone(line));
                i += 1;
            }
            (_, Some(line)) => {
                lines.push(Line::New(line));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_what_comes_is_shown_with_what_is_around() {
        let was = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let text = "a\nb\nc\nD\ne\nf\ng\nh\ni\n";

        let shown = unified("/etc/x", Some(was), text);

        let wanted = "--- /etc/x\n+++ /etc/x\n@@ line 2 @@\n b\n c\n-d\n+D\n e\n f\n g\n h\n+i\n";
        assert_eq!(shown, wanted);
    }

    #[test]
    fn a_file_that_comes_is_shown_whole() {
        assert_eq!(unified("/x", None, "a\n"), "--- /dev/null\n+++ /x\n@@ line 1 @@\n+a\n");
    }
}
