//! A message about several incidents: how many there are, and a line each.

use phoenix_bus::News;
use phoenix_domain::health::Severity;
use phoenix_post::cut;

use super::letter::{LINE, Letter, Occasion, Sender, mark, time};

impl Letter {
    /// Says of several incidents how each stands: a line each, in this order.
    pub(crate) fn of_all(name: &str, news: &[(&News, Self)], sender: Sender<'_>) -> Self {
        let open = news.iter().filter(|(news, _)| news.incident.is_open());
        let severity = open.clone().map(|(news, _)| news.incident.severity).max();
        let pages = open.filter(|(news, _)| news.incident.severity == Severity::Page).count();
        let (count, mark) = (news.len(), severity.map_or("[OVER]", mark));
        let headline = format!("{mark} {count} incidents in one message, {pages} for a human");
        Self {
            title: format!("{mark} {count} incidents"),
            text: headline.clone(),
            headline,
            occasion: Occasion::Digest,
            severity: severity.unwrap_or(Severity::Info).to_string(),
            incident: name.to_owned(),
            cause: String::new(),
            reason: String::new(),
            reason_words: String::new(),
            opened: time(sender.now),
            updated: time(sender.now),
            resolved: None,
            guests: Vec::new(),
            place: String::new(),
            evidence: None,
            acked: None,
            tried: Vec::new(),
            next: String::new(),
            commands: Vec::new(),
            link: None,
            cell: sender.cell.to_owned(),
            channel: sender.channel.to_owned(),
            lines: news.iter().map(|(_, letter)| line_of(letter)).collect(),
            is_over: severity.is_none(),
            is_short: false,
        }
    }
}

/// Returns the headline of an incident where it is one of many; its name is what is never cut.
fn line_of(letter: &Letter) -> String {
    let name = format!(" ({})", letter.incident);
    let text = letter.headline.strip_suffix(&name).unwrap_or(&letter.headline);
    format!("{}{name}", cut(text, LINE - name.len()))
}
