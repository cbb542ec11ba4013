//! Which metrics a query of Prometheus names.

/// Words that are no names, where no bracket is behind them.
const WORDS: [&str; 11] = [
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "on",
    "without",
    "ignoring",
    "group_left",
    "group_right",
];

/// Returns the names of the metrics in a query.
pub(super) fn metrics(query: &str) -> Vec<String> {
    let query = without(&without(query, '{', '}'), '[', ']');
    let mut names = Vec::new();
    let mut rest = query.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        // What follows a digit is the unit of a number.
        let is_unit =
            rest.get(..at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()));
        rest = rest.get(at..).unwrap_or_default();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let is_list = behind.trim_start().starts_with('(');
        let is_sum = ["by", "without"]
            .iter()
            .any(|how| behind.trim_start().starts_with(&format!("{how} (")));
        if matches!(word, "by" | "on" | "without" | "ignoring" | "group_left" | "group_right")
            && is_list
        {
            rest = behind.split_once(')').map_or("", |(_, rest)| rest);
        } else if !is_list && !is_sum && !is_unit && !WORDS.contains(&word) {
            names.push(word.to_owned());
        }
    }
    names
}

/// Leaves out what is between these.
fn without(text: &str, open: char, close: char) -> String {
    let mut depth = 0_usize;
    let kept = text.chars().filter(|c| {
        depth += usize::from(*c == open);
        let is_kept = depth == 0;
        depth -= usize::from(*c == close && depth > 0);
        is_kept
    });
    kept.collect()
}

#[test]
fn a_query_names_its_metrics_and_no_function_label_or_unit() {
    for (query, expected) in [
        ("up{job=\"phoenix\"} == 0", vec!["up"]),
        ("time() - a_b > 120 and on (job, instance) c == 1", vec!["a_b", "c"]),
        (
            "sum by (le, step) (rate(d_bucket{job=\"$job\"}[$__rate_interval])) offset 5m",
            vec!["d_bucket"],
        ),
        ("increase(e_total{x=\"y\"}[15m]) > 5", vec!["e_total"]),
        ("time() - min without (severity) (f{s=~\"a|b\"}) > 3600", vec!["f"]),
    ] {
        assert_eq!(metrics(query), expected, "{query}");
    }
}
