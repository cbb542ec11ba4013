//! `phoenix top` on a real terminal.

mod terminal;

use std::process::Command;

use self::terminal::Terminal;
use crate::bus::Site;
use crate::program::phoenix_program;

/// How the screen is left.
const LEFT: &str = "\u{1b}[?1049l";
/// How something is given a colour.
const COLOR: &str = "\u{1b}[38;5;";

/// Starts `top` in a terminal that says how it was before and is afterwards.
fn top(site: &Site, more: &str) -> Terminal {
    let program = phoenix_program();
    let command = format!(
        "before=$(stty -g); sh -c 'echo pid=$$.; exec {} top {more}'; echo code=$?.; \
         [ \"$before\" = \"$(stty -g)\" ] && echo as-before",
        program.display()
    );
    let url = site.server.url();
    Terminal::start(site.folder(), &command, &[("NATS_URL", &url)])
}

/// Fails unless it ended with this code, and left the terminal as it was.
fn assert_left(terminal: &mut Terminal, code: &str) {
    terminal.until_written(&format!("code={code}."));
    terminal.until_written("as-before");
    let (_, behind) = terminal.raw.rsplit_once(LEFT).expect("the screen was left");
    assert!(behind.contains("code="), "nothing is drawn afterwards: {behind:?}");
}

#[test]
fn who_looks_sees_what_changes_that_nats_is_away_and_that_it_is_back() {
    let mut site = Site::new();
    site.actor.report();
    site.submit("901");
    let mut terminal = top(&site, "");
    terminal.until("900 waits", |screen| {
        screen.contains("900 base") && screen.contains("requested") && screen.contains("NATS ok")
    });

    site.actor.complete("lxc-900");
    let screen = terminal.until("900 is complete", |screen| screen.contains("completed"));
    assert!(screen.contains("└ 901 web"), "{screen}");
    assert!(screen.contains("WAITING 1-1/1"), "{screen}");

    site.server.kill();
    terminal.until("it is told that NATS is away", |screen| screen.contains("✗ NATS is away for"));
    site.server.restart();
    terminal.until("NATS is back", |screen| screen.contains("NATS ok"));
    while site.phoenix(&["submit", "902", "--detach"]).code != 0 {}
    terminal.until("what happened since is seen", |screen| screen.contains("902 db"));

    terminal.types("jj\r");
    let screen = terminal.until("902 is shown", |screen| screen.contains("asked for by kim@"));
    assert!(screen.contains("type: phoenix explain 902"), "{screen}");
    terminal.types("\u{1b}");
    terminal.until("it is closed", |screen| screen.contains("GUESTS 1-3/3"));
    terminal.resize(40, 120);
    terminal.until("there is room for more", |screen| {
        let foot = screen.lines().nth(39).unwrap_or_default();
        screen.contains("HOST     NEXT") && foot.starts_with("q end")
    });
    terminal.types("/base\r");
    terminal.until("one is left", |screen| screen.contains("GUESTS 1-1/1"));
    terminal.types("q");
    assert_left(&mut terminal, "0");
}

#[test]
fn whoever_is_asked_to_end_gives_the_terminal_back() {
    let site = Site::new();
    site.submit("900");
    site.actor.fail_and_wait("lxc-900", 3600);
    let mut by_key = top(&site, "--color never");
    by_key.until("it is there", |screen| screen.contains("? help"));
    by_key.types("\u{3}");
    assert_left(&mut by_key, "130");
    assert!(!by_key.raw.contains(COLOR), "{:?}", by_key.raw);

    let mut by_signal = top(&site, "");
    by_signal.until("it is there", |screen| screen.contains("? help"));
    assert!(by_signal.raw.contains(COLOR), "{:?}", by_signal.raw);
    let (_, pid) = by_signal.raw.split_once("pid=").unwrap();
    let pid = pid.split('.').next().unwrap().to_owned();
    #[expect(clippy::disallowed_methods, reason = "a signal is sent by a process")]
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    assert_left(&mut by_signal, "130");
}

#[test]
fn where_there_is_no_terminal_it_is_said_what_to_type() {
    let site = Site::new();

    let ended = site.phoenix(&["top"]);

    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(
        ended.err.contains("phoenix watch") && ended.err.contains("phoenix status"),
        "{ended:?}"
    );
}
