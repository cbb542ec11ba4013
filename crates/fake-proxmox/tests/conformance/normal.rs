//! What of an answer is chance, and is made equal before two are compared.

use crate::lab::Answer;

pub(crate) fn of(answer: &Answer, argv: &[String]) -> Answer {
    let lists_environment = argv.last().is_some_and(|word| word == "env" || word.ends_with(" env"));
    let text = |text: &str| {
        let text = words(&statistics(text));
        let text = parameters(&text);
        if lists_environment { sorted(&text) } else { text }
    };
    Answer { stdout: text(&answer.stdout), stderr: text(&answer.stderr), exit: answer.exit }
}

/// The order of what an environment holds is none.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The wrong parameters of one call come in the order of Perl's hashes, which is chance.
fn parameters(text: &str) -> String {
    let Some(rest) = text.strip_prefix("400 Parameter verification failed.\n") else {
        return text.to_owned();
    };
    let Some(usage) = rest.rfind("OPTIONS]") else { return text.to_owned() };
    let begin = rest[..usage].rfind('\n').map_or(0, |at| at + 1);
    let mut lines: Vec<&str> = rest[..begin].lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    // How many blank lines follow depends on which error is the last, and stays.
    let blank = rest[..begin].lines().filter(|line| line.is_empty()).count();
    format!(
        "400 Parameter verification failed.\n{}\n{blank} blank\n{}",
        lines.join("\n"),
        &rest[begin..]
    )
}

/// What programs count: bytes that were read and copied, seconds.
fn statistics(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut copying = false;
    for line in text.lines() {
        if line.starts_with("Number of files: ") {
            copying = true;
            lines.push("<what rsync counted>".into());
        }
        if !copying {
            let line = match line.split_once("Total bytes read: ") {
                Some((head, _)) => format!("{head}Total bytes read: <bytes>"),
                None => line.to_owned(),
            };
            lines.push(line);
        }
        if line.starts_with("total size is ") {
            copying = false;
        }
    }
    let end = if text.ends_with('\n') { "\n" } else { "" };
    lines.join("\n") + end
}

/// Ids, addresses and times.
fn words(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let line = after(line, "snaptime: ", "<time>\n");
        let line = after(
            &line,
            " after ",
            if line.trim_end().ends_with('s') && line.contains("=> exit") {
                "<seconds>\n"
            } else {
                ""
            },
        );
        let mut rest = line.as_str();
        while let Some(first) = rest.chars().next() {
            if let Some((length, name)) = chance(rest) {
                out.push_str(name);
                rest = &rest[length..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// Replaces what follows a word.
fn after(line: &str, word: &str, by: &str) -> String {
    match line.find(word) {
        Some(at) if !by.is_empty() => format!("{}{by}", &line[..at + word.len()]),
        _ => line.to_owned(),
    }
}

/// Returns how many digits there are.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Returns how long a thing of chance at the beginning is, and its name.
fn chance(text: &str) -> Option<(usize, &'static str)> {
    let forms = [
        ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "<uuid>"),
        ("BC:24:11:XX:XX:XX", "<mac>"),
        ("0000-00-00 00:00:00", "<time>"),
        ("Nov 00 00:00", "<time>"),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "<digest>"),
        ("ctime=0000000000", "<time>"),
    ];
    for (word, name) in [("\"version\": ", "<version>"), ("password: $5$", "<password>\n")] {
        if let Some(rest) = text.strip_prefix(word) {
            let length = if name == "<version>" { digits(rest) } else { rest.find('\n')? + 1 };
            return Some((word.len() + length, name));
        }
    }
    forms.into_iter().find_map(|(form, name)| {
        let begin = text.as_bytes().get(..form.len())?;
        let fits = form.bytes().zip(begin).all(|(form, byte)| match form {
            b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
            b'X' => byte.is_ascii_digit() || (b'A'..=b'F').contains(byte),
            b'0' => byte.is_ascii_digit(),
            other => other == *byte,
        });
        fits.then_some((form.len(), name))
    })
}
