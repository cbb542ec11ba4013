//! What people read at three in the morning.

use super::*;
use crate::channels::channel::Parcel;
use crate::channels::letter::{Letter, Sender};
use crate::channels::ntfy::Ntfy;
use crate::channels::slack::Slack;
use crate::channels::template;
use phoenix_config::ChannelKind;

fn at() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-21T02:57:00Z").unwrap().with_timezone(&Utc)
}

fn fixed() -> News {
    let mut news = page();
    news.incident.id = "ABC123".parse().unwrap();
    (news.incident.opened, news.incident.updated) = (at(), at());
    for tried in &mut news.incident.tried {
        tried.started = at();
    }
    news.incident.evidence[0].at = at();
    news
}

fn letter(news: &News, occasion: Occasion) -> Letter {
    let link = Some("https://wiki.example.org/{incident}");
    let now = at() + TimeDelta::minutes(30);
    Letter::of(news, occasion, Sender { cell: "main", channel: "oncall", link, now })
}

fn usual(kind: ChannelKind, news: &News, occasion: Occasion) -> String {
    template::usual(kind).unwrap().fill(&letter(news, occasion)).unwrap()
}

#[test]
fn a_message_says_what_failed_what_was_tried_what_comes_next_and_what_to_type() {
    let (open, ended) = (fixed(), over(fixed()));

    insta::assert_snapshot!("plain_first", usual(ChannelKind::Mail, &open, Occasion::First));
    insta::assert_snapshot!("plain_over", usual(ChannelKind::Ntfy, &ended, Occasion::Over));
    insta::assert_snapshot!("plain_missed", usual(ChannelKind::Ntfy, &ended, Occasion::Missed));
    insta::assert_snapshot!("plain_test", usual(ChannelKind::Ntfy, &open, Occasion::Test));
    insta::assert_snapshot!("plain_reminder", usual(ChannelKind::Mail, &open, Occasion::Reminder));
    insta::assert_snapshot!("slack_first", usual(ChannelKind::Slack, &open, Occasion::First));
}

#[test]
fn what_is_said_is_only_text_to_slack() {
    let news = saying(fixed(), "<!channel> a & b <https://evil.example|click>");

    let text = usual(ChannelKind::Slack, &news, Occasion::First);

    assert!(
        text.contains("&lt;!channel&gt; a &amp; b &lt;https://evil.example|click&gt;"),
        "{text}"
    );
    assert!(text.contains("<https://wiki.example.org/ABC123|see the incident>"), "{text}");
}

#[test]
fn no_control_character_gets_through() {
    let mut news = saying(fixed(), "a\u{1b}[31mb\u{7}\r\nc");
    "why\u{1b}[2J\nnext".clone_into(&mut news.guests[0].name);

    let letter = letter(&news, Occasion::First);

    assert!(!letter.headline.contains(char::is_control), "{letter:?}");
    assert!(!letter.title.contains(char::is_control), "{letter:?}");
}

#[test]
fn a_page_is_sent_though_its_template_fails() {
    // It is well with all that it was tried with, and fails on what comes.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.txt");
    write(
        &path,
        "{{ headline }}{% if incident == 'ABC123' %}{{ nothing.of.this }}{% endif %}",
        0o644,
    );
    let own = template::usual(ChannelKind::Slack).unwrap().read(&path).unwrap();
    let url = SecretString::from("https://hooks.slack.example/services/T0/B0/X");
    let mut channel = channel("room", Way::Slack(Slack { url }));
    channel.template = Some(own);

    for (news, is_usual) in [(fixed(), true), (page(), false)] {
        let Parcel::Post(post) = channel.parcel(first(&news)) else { panic!("it is posted") };
        let text = body(&post.body.into())["text"].as_str().unwrap().to_owned();
        assert!(text.contains("[PAGE] vllm on 950"), "{text}");
        assert_eq!(text.contains("tried: "), is_usual, "{text}");
    }
}

#[test]
fn a_template_of_ones_own_has_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.txt");
    let text = "{{ title }}|{{ occasion }}|{{ severity }}|{{ incident }}|{{ text }}|{{ cause }}|\
        {{ reason }}|{{ reason_words }}|{{ opened }}|{{ updated }}|{{ resolved }}|{{ next }}|\
        {% for g in guests %}{{ g.vmid }} {{ g.name }} {{ g.host }}{% endfor %}|{{ tried | length }}|\
        {% for c in commands %}{{ c.line }} {{ c.label }} {{ c.danger }};{% endfor %}|{{ link }}|\
        {{ cell }}|{{ channel }}|{{ is_over }}|{{ is_short }}|{{ place }}|{{ evidence }}|{{ acked }}";
    write(&path, text, 0o644);
    let own = template::usual(ChannelKind::Ntfy).unwrap().read(&path).unwrap();

    insta::assert_snapshot!("own", own.fill(&letter(&fixed(), Occasion::First)).unwrap());
}

#[test]
fn more_of_the_same_wakes_nobody_a_second_time() {
    let server = Url::parse("https://ntfy.example.org").unwrap();
    let way = Way::Ntfy(Ntfy { server, topic: "x".to_owned(), key: None });
    let channel = channel("oncall", way);
    let news = fixed();
    let priority = |occasion| {
        let Parcel::Post(post) = channel.parcel(Saying { occasion, ..first(&news) }) else {
            panic!("it is posted")
        };
        body(&post.body.into())["priority"].as_u64().unwrap()
    };

    assert_eq!(
        [Occasion::First, Occasion::More, Occasion::Over, Occasion::Missed].map(priority),
        [5, 3, 3, 3]
    );
    assert_eq!(
        [Occasion::Reminder, Occasion::Test].map(priority),
        [5, 5],
        "a reminder wakes somebody, and a test is as loud as what it stands for"
    );
}

#[test]
fn whoever_asks_for_some_hosts_and_guests_is_told_of_those() {
    let base = channel("oncall", webhook(Url::parse("https://hooks.example.org").unwrap()));
    let news = page();
    let hosts = |names: &[&str]| {
        let hosts = names.iter().map(|name| (*name).to_owned()).collect();
        Channel { hosts: Some(hosts), ..base.clone() }
    };
    let guests =
        |vmid: u64| Channel { guests: Some(vec![Vmid::try_from(vmid).unwrap()]), ..base.clone() };

    assert!(hosts(&["pve1"]).concerns(&news) && !hosts(&["pve2"]).concerns(&news));
    assert!(guests(950).concerns(&news) && !guests(951).concerns(&news));
    let lost = News { guests: Vec::new(), ..news.clone() };
    assert!(hosts(&["pve2"]).concerns(&lost), "nobody knows whose it is");
    let mut of_all = news.clone();
    of_all.incident.root = Root::Breaker;
    assert!(hosts(&["pve2"]).concerns(&of_all) && guests(951).concerns(&of_all));
    let mut mild = news;
    mild.incident.severity = Severity::Warn;
    assert!(!base.concerns(&mild));
}
