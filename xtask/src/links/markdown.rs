//! What the link checker needs to know of a Markdown page: its links and its headings.

use std::collections::{BTreeMap, BTreeSet};

/// A page, read as far as links go.
pub(super) struct Page {
    pub(super) links: Vec<Link>,
    /// What can stand behind a `#` in a link to this page.
    pub(super) anchors: BTreeSet<String>,
}

/// A link and the line it stands on.
pub(super) struct Link {
    pub(super) line: usize,
    pub(super) target: String,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self { links: Vec::new(), anchors: BTreeSet::new() };
        let mut headings: BTreeMap<String, usize> = BTreeMap::new();
        let mut fence: Option<&str> = None;
        for (at, line) in text.lines().enumerate() {
            match (fence, fence_of(line)) {
                (Some(open), Some(mark)) if mark.starts_with(open) => fence = None,
                (Some(_), _) => {}
                (None, Some(mark)) => fence = Some(mark),
                (None, None) => {
                    if let Some(heading) = heading_of(line) {
                        let slug = slug(heading);
                        let seen = headings.entry(slug.clone()).or_default();
                        // The second heading of a name gets `-1`, as code hosts number them.
                        page.anchors.insert(match *seen {
                            0 => slug,
                            nth => format!("{slug}-{nth}"),
                        });
                        *seen += 1;
                    }
                    let prose = without_code(line);
                    page.anchors.extend(written_anchors(&prose));
                    let targets = targets(&prose).into_iter().chain(reference(&prose));
                    page.links.extend(targets.map(|target| Link { line: at + 1, target }));
                }
            }
        }
        page
    }
}

/// Returns the row of marks that opens or closes a block of code.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let end = |mark: char| line.find(|letter| letter != mark).unwrap_or(line.len());
    ['`', '~'].into_iter().map(end).find(|&end| end >= 3).and_then(|end| line.get(..end))
}

fn heading_of(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let depth = line.len() - text.len();
    ((1..=6).contains(&depth) && text.starts_with(' '))
        .then(|| text.trim().trim_end_matches('#').trim_end())
}

/// Returns the name a heading gets in links: lower case, no punctuation, hyphens for blanks.
fn slug(heading: &str) -> String {
    // Of a link in a heading only the words count.
    let mut words = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        words.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    words.push_str(rest);
    words
        .to_lowercase()
        .chars()
        .filter(|&letter| letter.is_alphanumeric() || "-_ ".contains(letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// Blanks out the code of a line: what looks like a link there is none.
fn without_code(line: &str) -> String {
    let mut prose = String::new();
    let mut rest = line;
    while let Some((before, code)) = rest.split_once('`') {
        prose.push_str(before);
        let marks = 1 + code.len() - code.trim_start_matches('`').len();
        let code = code.trim_start_matches('`');
        let Some((_, after)) = code.split_once(&"`".repeat(marks)) else {
            prose.push_str(code);
            return prose;
        };
        // Something stays, so that a link whose text is all code still has a text.
        prose.push('_');
        rest = after;
    }
    prose.push_str(rest);
    prose
}

/// Returns where `[text](target)` and `![text](target)` lead.
fn targets(prose: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = prose;
    while let Some((_, after)) = rest.split_once("](") {
        let inner = after.split(')').next().unwrap_or_default();
        // Behind the target a title in quotes may stand.
        let target = inner.split_whitespace().next().unwrap_or_default();
        found.push(target.trim_start_matches('<').trim_end_matches('>').to_owned());
        rest = after;
    }
    found
}

/// Returns where a definition `[name]: target` leads. Footnotes look alike and lead nowhere.
fn reference(prose: &str) -> Option<String> {
    let (name, target) = prose.trim_start().strip_prefix('[')?.split_once("]:")?;
    if name.starts_with('^') || name.contains(']') {
        return None;
    }
    target.split_whitespace().next().map(str::to_owned)
}

/// Returns the anchors a page sets by hand: `<a id="x">`, `<a name="x">`.
fn written_anchors(prose: &str) -> Vec<String> {
    [" id=\"", " name=\""]
        .into_iter()
        .flat_map(|key| prose.split(key).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<String> {
        Page::read(text).links.into_iter().map(|link| link.target).collect()
    }

    fn anchors(text: &str) -> Vec<String> {
        Page::read(text).anchors.into_iter().collect()
    }

    #[test]
    fn every_way_to_write_a_link_is_seen() {
        let text = "[a](a.md \"title\") ![b](b.png)\n[`code`](<c.md>)\n[d]: d.md\n[![i](i.svg)](j)";

        assert_eq!(links(text), ["a.md", "b.png", "c.md", "d.md", "i.svg", "j"]);
    }

    #[test]
    fn code_holds_no_links_and_no_headings() {
        let text =
            "`[a](b)` ``[`c`](d)``\n```md\n[e](f)\n# g\n```\n~~~~\n~~~\n[h](i)\n~~~~\n[^1]: j";

        assert_eq!(links(text), [""; 0]);
        assert_eq!(anchors(text), [""; 0]);
    }

    #[test]
    fn a_heading_is_named_as_code_hosts_name_it() {
        let text =
            "# What's `xtask`?\n## A b\n## A b\n### [Link](x.md) here ###\n#no\n<a id=\"own\">";

        assert_eq!(anchors(text), ["a-b", "a-b-1", "link-here", "own", "whats-xtask"]);
    }
}
