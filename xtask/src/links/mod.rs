//! Follows the links of every Markdown file: what a page points to inside the repository exists.

mod markdown;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace::{self, Workspace};

use self::markdown::Page;

pub(crate) fn check(_: &Workspace) -> Result<()> {
    let files: BTreeSet<PathBuf> = workspace::files()?.into_iter().collect();
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| is_page(path)) {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        pages.insert(path.clone(), Page::read(&text));
    }
    let dead = dead(&pages, &files);
    if !dead.is_empty() {
        bail!("links that lead nowhere:\n{}", dead.join("\n"));
    }
    Ok(())
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "md")
}

/// Says of each link that leads nowhere where it stands and what it misses.
fn dead(pages: &BTreeMap<PathBuf, Page>, files: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut dead = Vec::new();
    for (path, page) in pages {
        for link in &page.links {
            if let Some(missed) = missed(path, &link.target, pages, files) {
                dead.push(format!("{}:{}: {}: {missed}", path.display(), link.line, link.target));
            }
        }
    }
    dead
}

/// Returns what is wrong with a link of the page at `from`, if anything is.
fn missed(
    from: &Path,
    target: &str,
    pages: &BTreeMap<PathBuf, Page>,
    files: &BTreeSet<PathBuf>,
) -> Option<&'static str> {
    if is_outside(target) {
        return None;
    }
    let (place, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(file) = resolved(from, place) else { return Some("leaves the repository") };
    let is_folder = || files.iter().any(|known| known.starts_with(&file));
    if !files.contains(&file) && !is_folder() {
        return Some("no such file");
    }
    match pages.get(&file) {
        Some(page) if !anchor.is_empty() && !page.anchors.contains(anchor) => {
            Some("no such heading")
        }
        Some(_) | None => None,
    }
}

/// A link with a scheme is somebody else's to keep alive.
fn is_outside(target: &str) -> bool {
    target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    })
}

/// Returns the path below the root that a link means, or nothing when it climbs out.
fn resolved(from: &Path, place: &str) -> Option<PathBuf> {
    if place.is_empty() {
        return Some(from.to_path_buf());
    }
    let place = place.replace("%20", " ");
    let whole = match place.strip_prefix('/') {
        Some(below_root) => PathBuf::from(below_root),
        None => from.parent()?.join(place),
    };
    let mut plain = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead_in(pages: &[(&str, &str)], others: &[&str]) -> Vec<String> {
        let files = pages.iter().map(|(path, _)| path).chain(others).map(PathBuf::from).collect();
        let pages =
            pages.iter().map(|(path, text)| (PathBuf::from(path), Page::read(text))).collect();
        dead(&pages, &files)
    }

    #[test]
    fn a_link_to_what_is_there_is_followed() {
        let page =
            "[a](docs/b.md) [b](docs/b.md#the-way) [c](#top) [d](docs) [e](docs/) [f](/x.rs)";

        let dead = dead_in(
            &[("README.md", &format!("# Top\n{page}")), ("docs/b.md", "## The way")],
            &["x.rs"],
        );

        assert!(dead.is_empty(), "{dead:?}");
    }

    #[test]
    fn a_link_to_nothing_is_named_with_its_line() {
        let dead = dead_in(&[("docs/a.md", "\n[b](b.md)\n[up](../../x)\n[here](#there)")], &[]);

        assert_eq!(
            dead,
            [
                "docs/a.md:2: b.md: no such file",
                "docs/a.md:3: ../../x: leaves the repository",
                "docs/a.md:4: #there: no such heading",
            ]
        );
    }

    #[test]
    fn the_outside_world_is_left_alone() {
        let dead = dead_in(&[("a.md", "[a](https://example.org/x) [b](mailto:a@b.c)")], &[]);

        assert!(dead.is_empty(), "{dead:?}");
    }
}
