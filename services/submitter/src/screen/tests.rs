//! The screen as it is drawn, and what keys do.

use chrono::TimeDelta;
use phoenix_bus::{Outlook, Seen};
use phoenix_domain::health::{
    AboutIncident, Ask, Condition, HealthEvent, Incident, Mode, Probe, Reason,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::state::{Open, Pane};
use super::*;
use crate::asking::tests::{
    asked, claimed, completed, dead, failed, guest, report, site as fleet, stepped, then, time,
};
use crate::states::States;

const UPDATED: &str =
    include_str!("../../../../crates/domain/tests/events/health/v1/incident.updated.json");

fn incident(change: impl Fn(&mut Incident)) -> Incident {
    let event = HealthEvent::<AboutIncident>::read(UPDATED.as_bytes()).unwrap();
    let mut incident = *event.data.incident;
    (incident.opened, incident.guests) = (time() - TimeDelta::minutes(6), vec![guest(903)]);
    change(&mut incident);
    incident
}

/// Returns a small cell in which nearly everything is going on.
pub(crate) fn cell() -> Site {
    let probe = Probe::new("nginx", Ask::Tcp { port: 80 });
    let seen = |vmid, at| Seen {
        guest: guest(vmid),
        name: format!("guest-{vmid}"),
        host: "pve1".to_owned(),
        probes: vec![(probe.clone(), at, time())],
        unread: std::collections::BTreeMap::new(),
        evidence: std::collections::BTreeMap::new(),
        next: None,
        took_ms: std::collections::BTreeMap::new(),
        repairs_left: None,
    };
    let seen = [seen(900, Condition::Healthy), seen(903, Condition::Failed(Reason::Hung))];
    let silent = report("pve2", time() - TimeDelta::minutes(9));
    Site {
        states: States::of(fleet()),
        hosts: vec![report("pve1", time() + TimeDelta::seconds(80)), silent],
        incidents: vec![incident(|_| ())],
        approvals: Vec::new(),
        outlook: Some(Outlook {
            monitor: "m".to_owned(),
            version: None,
            mode: Mode::Observe,
            breaker: None,
            maintenance: Vec::new(),
            guests: Vec::new(),
            incidents: Vec::new(),
            held_back: std::collections::BTreeMap::new(),
            guests_left: None,
        }),
        seen: seen.into_iter().map(|one| (one.guest, one)).collect(),
    }
}

struct Drawn(Terminal<TestBackend>);

/// Draws it, and returns what is on the terminal.
fn drawn(site: &Site, state: &mut State, width: u16, height: u16) -> Drawn {
    drawn_with(site, state, (width, height), None, true)
}

fn drawn_with(
    site: &Site,
    state: &mut State,
    (width, height): (u16, u16),
    is_away: Option<chrono::DateTime<chrono::Utc>>,
    has_colors: bool,
) -> Drawn {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let now = time() + TimeDelta::seconds(90);
    let screen = Screen { site, cell: "main", is_away, has_colors, now };
    terminal.draw(|frame| screen.draw(frame, state)).unwrap();
    Drawn(terminal)
}

impl Drawn {
    fn lines(&self) -> Vec<String> {
        let buffer = self.0.backend().buffer();
        let width = usize::from(buffer.area.width);
        let symbols: Vec<_> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        symbols.chunks(width).map(|line| line.concat().trim_end().to_owned()).collect()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }
}

fn typed(state: &mut State, site: &Site, keys: &str) -> Effect {
    let mut effect = Effect::None;
    for letter in keys.chars() {
        let key = match letter {
            '\t' => Key::Next,
            '\n' => Key::Enter,
            '\u{1b}' => Key::Escape,
            '\u{8}' => Key::Erase,
            letter => Key::Letter(letter),
        };
        effect = state.update(key, site);
    }
    effect
}

#[test]
fn a_terminal_of_the_usual_size_shows_it_all() {
    insta::assert_snapshot!(drawn(&cell(), &mut State::default(), 80, 24).text());
}

#[test]
fn a_larger_terminal_shows_hosts_and_what_is_next() {
    insta::assert_snapshot!(drawn(&cell(), &mut State::default(), 120, 40).text());
}

#[test]
fn an_empty_cell_is_shown_as_one() {
    insta::assert_snapshot!(drawn(&Site::default(), &mut State::default(), 80, 24).text());
}

#[test]
fn what_people_are_asked_is_shown_with_what_to_type() {
    let run: phoenix_domain::RunId = "r-0007".parse().unwrap();
    let question = "deploy c0ffeec0ffee (the fleet) of github.com/acme/fleet?";
    let asked = phoenix_bus::Approval {
        run,
        about: "the fleet".to_owned(),
        commit: "c0ffee".to_owned(),
        question: question.to_owned(),
        since: time(),
        decision: None,
    };
    let site = Site { approvals: vec![asked], ..cell() };
    let mut state = State::default();
    insta::assert_snapshot!(drawn(&site, &mut state, 80, 24).text());

    typed(&mut state, &site, "\t\n");

    assert_eq!(state.pane, Pane::Questions);
    let text = drawn(&site, &mut state, 80, 24).text();
    assert!(text.contains("phoenix answer r-0007 yes") && text.contains(question), "{text}");
    typed(&mut state, &site, "\u{1b}\t");
    assert_eq!(state.pane, Pane::Incidents);
    state.pane = Pane::Fleet;
    typed(&mut state, &cell(), "\t");
    assert_eq!(state.pane, Pane::Incidents, "what is not shown is passed over");
}

#[test]
fn a_fleet_of_a_thousand_is_gone_through() {
    let of = |vmid| completed(&claimed(&asked(vmid, "r-0001")));
    let states = States::of((900..1900).map(of));
    let site = Site { states, ..cell() };
    let mut state = State::default();
    drawn(&site, &mut state, 80, 24);
    typed(&mut state, &site, "G");

    let text = drawn(&site, &mut state, 80, 24).text();

    assert!(text.contains("/1000") && text.contains(">✓"), "{text}");
    assert!(text.contains("1899 guest-1899"), "{text}");
    typed(&mut state, &site, "k/1234\n");
    let text = drawn(&site, &mut state, 80, 24).text();
    assert!(text.contains("GUESTS 1-1/1") && text.contains("1234 guest-1234"), "{text}");
}

#[test]
fn even_the_smallest_terminal_is_drawn_on() {
    for (width, height) in [(1, 1), (20, 5), (80, 3), (300, 100)] {
        drawn(&cell(), &mut State::default(), width, height);
    }
}

#[test]
fn what_others_wrote_moves_no_cursor_and_colours_nothing() {
    let hostile = "\u{1b}[2J\u{1b}]0;gone\u{7}evil\r\n\u{9b}31mx";
    let failing = failed(&stepped(&claimed(&asked(903, "r-0001"))));
    let mut last = dead(&failing);
    last.state.work.failure.as_mut().unwrap().what = hostile.to_owned();
    last.state.work.failure.as_mut().unwrap().output = Some(hostile.to_owned());
    last.state.desired.by = hostile.to_owned();
    let mut site = cell();
    site.states = States::of([last.clone(), asked(905, "r-0002")]);
    site.incidents = vec![incident(|incident| {
        incident.text = hostile.to_owned();
        incident.commands.iter_mut().for_each(|command| command.line = hostile.to_owned());
    })];
    site.hosts[0].version = hostile.to_owned();
    let mut state = State::default();
    for keys in ["", "\n", "\u{1b}\t\n", "\u{1b}\t", "\t"] {
        typed(&mut state, &site, keys);
        state.take_past(guest(903), Past::Known(vec![last.clone()]));
        let drawn = drawn(&site, &mut state, 120, 40);
        let text = drawn.text();
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
        assert!(text.contains("evil"), "{text}");
        assert!(!text.contains("[2J") && !text.contains("gone"), "{text}");
    }
}

#[test]
fn without_colours_signs_say_the_same() {
    let site = cell();
    let colors = |has_colors| {
        let drawn = drawn_with(&site, &mut State::default(), (80, 24), Some(time()), has_colors);
        let buffer = drawn.0.backend().buffer().clone();
        let colored = buffer.content().iter().filter(|cell| cell.fg != Color::Reset).count();
        (colored, drawn.text())
    };
    let (with, without) = (colors(true), colors(false));
    assert!(with.0 > 0);
    assert_eq!((without.0, &without.1), (0, &with.1));
    assert!(without.1.contains("✗ NATS is away for 1m30s"), "{}", without.1);
}

#[test]
fn the_selected_line_is_marked_and_stays_in_sight() {
    let site = cell();
    let mut state = State::default();
    drawn(&site, &mut state, 80, 24);
    typed(&mut state, &site, "jj");
    let lines = drawn(&site, &mut state, 80, 24);
    let marked: Vec<_> = lines.lines().into_iter().filter(|line| line.starts_with('>')).collect();
    assert!(marked.len() == 1 && marked[0].contains("902 guest-902"), "{marked:?}");
    let buffer = lines.0.backend().buffer();
    assert!(buffer.content().iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    typed(&mut state, &site, "kkkkk");
    assert_eq!(state.selected(Pane::Fleet, 6), Some(0));
    typed(&mut state, &site, "jjjjjjjjjj");
    assert_eq!(state.selected(Pane::Fleet, 6), Some(5), "there is no line beyond the last");
}

#[test]
fn tab_goes_round_and_enter_opens_what_is_selected() {
    let site = cell();
    let mut state = State::default();

    assert_eq!(typed(&mut state, &site, "j\n"), Effect::Read(guest(901)));
    assert_eq!(state.open, Open::Guest(guest(901), Past::Asked));
    state.take_past(guest(900), Past::Unknown);
    assert_eq!(state.open, Open::Guest(guest(901), Past::Asked), "that is another one's");
    typed(&mut state, &site, "\u{1b}\t\n");
    assert!(matches!(&state.open, Open::Incident(id) if id.as_str() == "XA8ZGW"));
    assert_eq!(typed(&mut state, &site, "\n\t\n"), Effect::None, "of a run nothing is opened");
    assert_eq!((state.pane, &state.open), (Pane::Runs, &Open::Nothing));
    assert_eq!(typed(&mut state, &site, "\t\n"), Effect::Read(guest(901)));
    typed(&mut state, &site, "\u{1b}\t\t");
    assert_eq!(state.pane, Pane::Fleet);
    assert_eq!(state.update(Key::Back, &site), Effect::None);
    assert_eq!(state.pane, Pane::Workers);
}

#[test]
fn a_filter_takes_letters_that_are_keys_elsewhere() {
    let site = cell();
    let mut state = State::default();

    assert_eq!(typed(&mut state, &site, "/q90\u{8}"), Effect::None);
    assert_eq!((state.filter.as_str(), state.is_filtering), ("q9", true));
    typed(&mut state, &site, "\u{1b}");
    assert_eq!((state.filter.as_str(), state.is_filtering), ("", false));
    typed(&mut state, &site, "/DEAD\n");
    assert_eq!(panes::guests(Pane::Fleet, &site, &state.filter), [guest(903)]);
    assert_eq!(typed(&mut state, &site, "\n"), Effect::Read(guest(903)));
    typed(&mut state, &site, "\n\u{1b}");
    assert_eq!(state.filter, "");
    assert_eq!(typed(&mut state, &site, "q"), Effect::End);
    assert_eq!(state.update(Key::Interrupt, &site), Effect::Interrupt);
}

#[test]
fn control_is_no_letter() {
    let key = |code, modifiers| Key::of(code, modifiers);
    let (control, none) =
        (crossterm::event::KeyModifiers::CONTROL, crossterm::event::KeyModifiers::NONE);
    let letter = |letter| crossterm::event::KeyCode::Char(letter);
    assert_eq!(key(letter('c'), control), Some(Key::Interrupt));
    assert_eq!(key(letter('q'), control), None);
    assert_eq!(key(letter('q'), none), Some(Key::Letter('q')));
    assert_eq!(key(crossterm::event::KeyCode::F(5), none), None);
}

#[test]
fn a_guest_is_shown_with_what_to_type_and_its_last_events_and_goes_on() {
    let site = cell();
    let mut state = State::default();
    typed(&mut state, &site, "jjj\n");
    let working = stepped(&claimed(&asked(903, "r-0001")));
    state.take_past(guest(903), Past::Known(vec![working.clone()]));
    let failing = failed(&working);
    state.happened(&failing);
    state.happened(&then(&working, phoenix_domain::CancelRequested { by: "lee".to_owned() }));
    insta::assert_snapshot!(drawn(&site, &mut state, 80, 40).text());
    typed(&mut state, &site, "G");
    let text = drawn(&site, &mut state, 80, 24).text();
    assert!(
        text.contains("made the container") && !text.contains("type: phoenix explain"),
        "{text}"
    );
}

#[test]
fn the_keys_are_told() {
    let mut state = State::default();
    typed(&mut state, &cell(), "?");
    insta::assert_snapshot!(drawn(&cell(), &mut state, 80, 24).text());
}

/// What makes the helper below do what it is for.
const BREAK: &str = "drawn-on-and-broken";

/// Does nothing but where the test below runs it on a terminal of its own.
#[test]
fn what_draws_panics() {
    if std::env::args().any(|arg| arg == BREAK) {
        begin().unwrap();
        panic!("it broke");
    }
}

#[test]
fn who_panics_gives_the_terminal_back_before_saying_so() {
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "before=$(stty -g); {} --exact screen::tests::what_draws_panics {BREAK} --nocapture; \
         [ \"$before\" = \"$(stty -g)\" ] && echo as-before",
        program.display()
    );
    #[expect(clippy::disallowed_methods, reason = "a terminal is made by a program")]
    let ended = std::process::Command::new("script")
        .args(["--quiet", "--command", &line, "/dev/null"])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    let at = |what: &str| out.find(what).unwrap_or_else(|| panic!("{what}: {out:?}"));
    assert!(at("\u{1b}[?1049h") < at("\u{1b}[?1049l"), "{out:?}");
    assert!(at("\u{1b}[?1049l") < at("it broke"), "{out:?}");
    assert!(out.contains("as-before"), "{out:?}");
}
