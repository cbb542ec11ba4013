//! Mails, by a real program in place of `sendmail` that keeps what it is given.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::channels::channel::Parcel;
use crate::channels::letter::{Letter, Sender};
use crate::channels::mail::{Mail, is_address};
use phoenix_post::Outcome;

use crate::channels::sendmail;

struct Program {
    folder: TempDir,
}

impl Program {
    /// Makes a program that keeps its arguments and what it reads, and ends with what a file says.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let script = format!(
            "#!/bin/sh\n\
             read code < {at}/code\n\
             n=$(($(cat {at}/count) + 1))\n\
             echo \"$*\" > {at}/args\n\
             cat > {at}/mail.$n\n\
             echo $n > {at}/count\n\
             [ $code = 0 ] || echo 'the queue is full' >&2\n\
             exit $code\n"
        );
        write(&folder.path().join("count"), "0\n", 0o600);
        let program = Self { folder };
        program.ends_with(0);
        write(&program.path(), &script, 0o755);
        program
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sendmail")
    }

    fn ends_with(&self, code: i32) {
        write(&self.folder.path().join("next"), &format!("{code}\n"), 0o600);
        fs::rename(self.folder.path().join("next"), self.folder.path().join("code")).unwrap();
    }

    fn mail(&self, nth: usize) -> String {
        fs::read_to_string(self.folder.path().join(format!("mail.{nth}"))).unwrap()
    }

    fn count(&self) -> usize {
        let count = fs::read_to_string(self.folder.path().join("count")).unwrap();
        count.trim().parse().unwrap_or(0)
    }

    fn way(&self) -> Way {
        let to = vec!["kim@example.org".to_owned(), "lee@example.org".to_owned()];
        Way::Mail(Mail { from: "phoenix@example.org".to_owned(), to, sendmail: self.path() })
    }
}

fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let head = mail.split("\n\n").next().unwrap();
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default()
}

#[tokio::test]
async fn all_mails_of_an_incident_are_one_thread() {
    let world = World::new().await;
    let program = Program::new();
    let _delivering = world.deliver(&channel("people", program.way()));
    let news = page();

    world.tell(HealthEventKind::IncidentOpened, &news).await;
    world.until(|seen| seen.delivered.is_some() && seen.waiting == 0).await;
    world.tell(HealthEventKind::IncidentResolved, &over(news)).await;
    world.until(|_| program.count() == 2).await;
    world.until_nothing_waits().await;

    let (first, second) = (program.mail(1), program.mail(2));
    let root = header(&first, "Message-ID");
    assert!(root.starts_with("<phoenix.main.") && root.ends_with("@example.org>"), "{first}");
    assert_eq!(header(&first, "References"), "");
    assert_eq!(header(&second, "References"), root);
    assert_eq!(header(&second, "In-Reply-To"), root);
    assert_ne!(header(&second, "Message-ID"), root);
    assert!(first.contains("\nTo: kim@example.org,\n lee@example.org\n"), "{first}");
    let args = fs::read_to_string(program.folder.path().join("args")).unwrap();
    assert_eq!(args.trim(), "-t -i");
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_the_same_mail_again() {
    let world = World::new().await;
    let program = Program::new();
    program.ends_with(75);
    let _delivering = world.deliver(&channel("people", program.way()));

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    world
        .until(|seen| {
            seen.error.as_ref().is_some_and(|(_, why)| why.contains("75: the queue is full"))
        })
        .await;
    program.ends_with(0);
    world.until(|seen| seen.delivered.is_some() && seen.waiting == 0).await;

    let (first, last) = (program.mail(1), program.mail(program.count()));
    assert_eq!(header(&first, "Message-ID"), header(&last, "Message-ID"));
}

#[tokio::test]
async fn what_a_program_ends_with_says_whether_it_is_worth_another_try() {
    let program = Program::new();
    for (code, is_refused) in [(1, false), (64, true), (67, true), (75, false), (126, false)] {
        program.ends_with(code);
        let outcome = sendmail::hand_over(&program.path(), b"To: x\n\nx\n".to_vec()).await;
        assert_eq!(matches!(outcome, Outcome::Refused { .. }), is_refused, "{code}: {outcome:?}");
        assert!(!matches!(outcome, Outcome::Taken { .. }), "{code}");
    }
    let nowhere = sendmail::hand_over(&program.folder.path().join("none"), Vec::new()).await;
    assert!(matches!(nowhere, Outcome::Later { .. }), "{nowhere:?}");
}

#[test]
fn nothing_that_is_said_begins_a_header() {
    let mail = Mail {
        from: "phoenix@example.org".to_owned(),
        to: vec!["kim@example.org".to_owned()],
        sendmail: PathBuf::from("/bin/true"),
    };
    let mut news = saying(page(), "boom\r\nBcc: evil@example.org\r\n\r\nhello");
    "vllm\nX-Evil: 1".clone_into(&mut news.guests[0].name);
    "1>\nX-Evil: 2".clone_into(&mut news.id);
    let mut own = channel("people", Way::Mail(mail));
    own.link = Some("https://wiki.example.org/{incident}".to_owned());

    let Parcel::Mail(message) = own.parcel(first(&news)) else { panic!("it is a mail") };

    let message = String::from_utf8(message).unwrap();
    let head = message.split("\n\n").next().unwrap();
    let names: Vec<_> = head
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "X-Phoenix-Incident",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding"
        ]
    );
}

#[test]
fn a_subject_is_one_line_whatever_it_is_made_of() {
    let mail = Mail {
        from: "phoenix@example.org".to_owned(),
        to: vec!["kim@example.org".to_owned()],
        sendmail: PathBuf::from("/bin/true"),
    };
    let news = page();
    let sender = Sender { cell: "main", channel: "people", link: None, now: now() };
    let mut letter = Letter::of(&news, Occasion::First, sender);
    "a\r\nBcc: evil@example.org".clone_into(&mut letter.title);

    let message = mail.message(&news.id, &letter, "text", now(), false);

    let message = String::from_utf8(message).unwrap();
    assert_eq!(header(&message, "Subject"), "a Bcc: evil@example.org");
    assert_eq!(header(&message, "Bcc"), "");
}

#[test]
fn a_text_that_is_not_ascii_survives_the_way() {
    use base64::Engine as _;
    let mail = Mail {
        from: "phoenix@example.org".to_owned(),
        to: vec!["kim@example.org".to_owned()],
        sendmail: PathBuf::from("/bin/true"),
    };
    let mut news = saying(page(), "größer größer");
    "größer-größer-größer-größer-größer-äöü".clone_into(&mut news.guests[0].name);

    let Parcel::Mail(message) = channel("people", Way::Mail(mail)).parcel(first(&news)) else {
        panic!("it is a mail")
    };

    let message = String::from_utf8(message).unwrap();
    assert!(message.is_ascii(), "{message}");
    assert!(message.lines().all(|line| line.len() <= 78), "{message}");
    let text: String = message.split("\n\n").nth(1).unwrap().lines().collect();
    let text = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("größer größer"));
}

#[test]
fn an_address_is_bare() {
    for good in ["kim@example.org", "a.b+c@x-y.example", "root@localhost"] {
        assert!(is_address(good), "{good}");
    }
    for bad in ["", "kim", "@x", "kim@", "Kim <kim@x>", "a@x,b@y", "a@x\nBcc: b@y", "a b@x", "-t"] {
        assert!(!is_address(bad), "{bad}");
    }
}
