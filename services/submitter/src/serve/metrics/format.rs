//! The two ways in which metrics are written, and which one somebody wants.

use super::names;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// The text of Prometheus, 0.0.4.
    Text,
}

impl Format {
    /// Returns the one that the values of `Accept` want; who wants neither is told the older one.
    pub(super) fn wanted<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let (mut open, mut text) = (0.0_f64, 0.0_f64);
        for one in accept.flat_map(|value| value.split(',')) {
            let mut parts = one.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut weight, mut is_ours) = (1.0_f64, true);
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "version" => is_ours = value.trim().trim_matches('"').starts_with("1."),
                    _ => {}
                }
            }
            match kind.as_str() {
                "application/openmetrics-text" if is_ours => open = weight.max(open),
                "text/plain" | "text/*" | "*/*" => text = weight.max(text),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Returns what is written as `OpenMetrics` in this way.
    pub(super) fn of(self, open: String) -> String {
        match self {
            Self::OpenMetrics => open,
            Self::Text => {
                open.lines().filter_map(as_text).flat_map(|line| [line, "\n".to_owned()]).collect()
            }
        }
    }
}

/// Returns a line as the older way has it: there a family has the name of its samples, and no kind is `info`.
fn as_text(line: &str) -> Option<String> {
    let Some(about) = line.strip_prefix("# ") else { return Some(line.to_owned()) };
    let mut words = about.splitn(3, ' ');
    let (what, family, rest) = (words.next()?, words.next()?, words.next()?);
    let name = names::ALL.iter().find(|one| one.family() == family).map_or(family, |one| one.name);
    match (what, rest) {
        ("TYPE", "info") => Some(format!("# TYPE {name} gauge")),
        ("TYPE" | "HELP", _) => Some(format!("# {what} {name} {rest}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_open_metrics_first_is_told_those_and_everybody_else_the_older_text() {
        let wanted = |accept: &str| Format::wanted([accept].into_iter());
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"",
        ] {
            assert_eq!(wanted(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(wanted(accept), Format::Text, "{accept}");
        }
    }

    #[test]
    fn the_older_text_calls_a_family_as_its_samples_and_has_no_end() {
        let open = "# HELP phoenix_runs Runs.\n# TYPE phoenix_runs counter\nphoenix_runs_total{result=\"a # b\"} 1\n\
                    # HELP phoenix_build B.\n# TYPE phoenix_build info\nphoenix_build_info 1\n# EOF\n";

        let text = Format::Text.of(open.to_owned());

        assert_eq!(
            text,
            "# HELP phoenix_runs_total Runs.\n# TYPE phoenix_runs_total counter\nphoenix_runs_total{result=\"a # b\"} 1\n\
             # HELP phoenix_build_info B.\n# TYPE phoenix_build_info gauge\nphoenix_build_info 1\n"
        );
    }
}
