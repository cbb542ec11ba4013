//! A part of a shared file that is ours: what others wrote around it stays.

use crate::item::Refusal;

/// Returns the text of a file with our block as it is to be: where it stood, else at the end. An
/// empty block is taken away.
pub fn with_block(path: &str, was: &str, name: &str, ours: &str) -> Result<String, Refusal> {
    let (begin, end) = (format!("# BEGIN phoenix {name}"), format!("# END phoenix {name}"));
    let lines: Vec<_> = was.lines().collect();
    let places = |mark: &str| {
        let found: Vec<_> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.trim() == mark)
            .map(|(nth, _)| nth)
            .collect();
        found
    };
    let (before, after) = match (places(&begin).as_slice(), places(&end).as_slice()) {
        ([], []) => (lines.clone(), Vec::new()),
        ([from], [to]) if from < to => (
            lines.get(..*from).unwrap_or_default().to_vec(),
            lines.get(to + 1..).unwrap_or_default().to_vec(),
        ),
        (_, _) => {
            let why =
                format!("the lines `{begin}` and `{end}` are not there once, one after the other");
            return Err(Refusal::new(path, why, "mend these two lines, or remove them both"));
        }
    };
    let mut text = String::new();
    let mut add = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    before.into_iter().for_each(&mut add);
    if !ours.is_empty() {
        add(&begin);
        ours.lines().for_each(&mut add);
        add(&end);
    }
    after.into_iter().for_each(add);
    Ok(text)
}

/// Returns the lines of a file that are not in our block.
pub fn foreign(was: &str, name: &str) -> String {
    // Where the marks are broken, everything is somebody else's.
    with_block("", was, name, "").unwrap_or_else(|_| was.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_whatever_becomes_of_ours() {
        let first = with_block("f", "theirs\n", "x", "ours\n").unwrap();
        assert_eq!(first, "theirs\n# BEGIN phoenix x\nours\n# END phoenix x\n");

        let more = format!("{first}added\n");
        let second = with_block("f", &more, "x", "new\n").unwrap();
        assert_eq!(second, "theirs\n# BEGIN phoenix x\nnew\n# END phoenix x\nadded\n");
        assert_eq!(with_block("f", &second, "x", "new\n").unwrap(), second);
        assert_eq!(with_block("f", &second, "x", "").unwrap(), "theirs\nadded\n");
        assert_eq!(foreign(&second, "x"), "theirs\nadded\n");
    }

    #[test]
    fn a_block_whose_end_was_deleted_swallows_nothing() {
        let broken = "theirs\n# BEGIN phoenix x\nours\nmore of theirs\n";

        assert!(with_block("f", broken, "x", "new\n").is_err());
    }
}
