//! Findings as a person reads them.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};

use super::lines::Lines;
use crate::code::Level;
use crate::finding::Finding;
use crate::load::Loaded;
use crate::place::Place;
use crate::sources::Sources;

/// Renders every finding as a compiler would print it, with colours as escape codes or without.
pub fn as_text(loaded: &Loaded, coloured: bool) -> String {
    text_of(&loaded.sources, &loaded.findings, coloured)
}

/// Renders findings in these texts.
pub(crate) fn text_of(sources: &Sources, findings: &[Finding], coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let lines = Lines::of(sources);
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[group(finding, sources, &lines)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(finding: &'a Finding, sources: &'a Sources, lines: &Lines<'a>) -> Group<'a> {
    let title = match finding.level() {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
        Level::Note => Title::NOTE,
    };
    let mut group = Group::with_title(
        title.primary_title(finding.message.as_str()).id(finding.code.to_string()),
    );
    let label = finding.label.as_deref();
    group = place(group, &finding.place, AnnotationKind::Primary, label, sources, lines);
    for (other, what) in &finding.also {
        group = place(group, other, AnnotationKind::Context, Some(what), sources, lines);
    }
    for help in &finding.help {
        group = group.element(Title::HELP.message(help.as_str()));
    }
    group
}

fn place<'a>(
    group: Group<'a>,
    place: &Place,
    kind: AnnotationKind,
    label: Option<&'a str>,
    sources: &Sources,
    lines: &Lines<'a>,
) -> Group<'a> {
    let Some(source) = sources.get(place.file) else { return group };
    let path = source.path().display().to_string();
    let Some(shown) = lines.shown(place) else { return group.element(Origin::path(path)) };
    let annotation = kind.span(shown.marked).label(label);
    let snippet =
        Snippet::source(shown.text).line_start(shown.position.line).annotation(annotation);
    if !shown.is_cut {
        return group.element(snippet.path(path));
    }
    // Columns of a part of a line are not those of the line.
    let origin = Origin::path(path).line(shown.position.line).char_column(shown.position.column);
    group.element(origin).element(snippet)
}
