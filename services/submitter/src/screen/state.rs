//! What somebody looks at, and what a key does about it.

use crossterm::event::{KeyCode, KeyModifiers};
use phoenix_domain::health::IncidentId;
use phoenix_domain::{Event, GuestKey, RunId};

use super::panes;
use crate::site::Site;

/// The parts of the screen, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    Fleet,
    Questions,
    Incidents,
    Runs,
    Queue,
    Workers,
}

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Next,
    Back,
    Enter,
    Escape,
    Erase,
    Interrupt,
    Letter(char),
}

/// What a key asks for that only others can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// What happened to this guest is to be read.
    Read(GuestKey),
    End,
    Interrupt,
}

/// What lies over the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Open {
    #[default]
    Nothing,
    Help,
    Guest(GuestKey, Past),
    Incident(IncidentId),
    /// What people are asked before this run.
    Question(RunId),
}

/// What is known of what happened to a guest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Past {
    Asked,
    Known(Vec<Event>),
    /// It could not be read.
    Unknown,
}

/// What somebody looks at.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pane: Pane,
    pub(super) open: Open,
    pub(super) filter: String,
    /// Whether what is typed goes into the filter.
    pub(super) is_filtering: bool,
    /// The line that is looked at in each pane.
    selected: [usize; Pane::ALL.len()],
    /// How far what lies over the screen is scrolled.
    pub(super) scroll: usize,
    /// How many lines go by with a page: as many as were drawn last.
    pub(super) page: usize,
}

impl Pane {
    pub(super) const ALL: [Self; 6] =
        [Self::Fleet, Self::Questions, Self::Incidents, Self::Runs, Self::Queue, Self::Workers];

    fn nth(self) -> usize {
        Self::ALL.iter().position(|pane| *pane == self).unwrap_or_default()
    }

    fn beside(self, by: usize) -> Self {
        let nth = (self.nth() + by) % Self::ALL.len();
        Self::ALL.into_iter().nth(nth).unwrap_or_default()
    }
}

impl Key {
    /// Returns the key that was pressed, where it means anything.
    pub(super) fn of(code: KeyCode, modifiers: KeyModifiers) -> Option<Self> {
        if modifiers.contains(KeyModifiers::CONTROL) {
            return (code == KeyCode::Char('c')).then_some(Self::Interrupt);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "a keyboard has more keys than we use")]
        Some(match code {
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::First,
            KeyCode::End => Self::Last,
            KeyCode::Tab => Self::Next,
            KeyCode::BackTab => Self::Back,
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Escape,
            KeyCode::Backspace => Self::Erase,
            KeyCode::Char(letter) => Self::Letter(letter),
            _ => return None,
        })
    }
}

impl State {
    /// Does what a key says, and returns what others have to do.
    pub(super) fn update(&mut self, key: Key, site: &Site) -> Effect {
        if key == Key::Interrupt {
            return Effect::Interrupt;
        }
        if self.is_filtering {
            self.filter_by(key);
            return Effect::None;
        }
        match (key, &self.open) {
            (Key::Letter('q'), _) => return Effect::End,
            (Key::Escape | Key::Letter('?') | Key::Enter, Open::Help)
            | (Key::Escape | Key::Enter, Open::Guest(..) | Open::Incident(_) | Open::Question(_)) =>
            {
                self.open(Open::Nothing);
            }
            (Key::Letter('?'), _) => self.open(Open::Help),
            (Key::Escape, Open::Nothing) => self.filter.clear(),
            (Key::Letter('/'), Open::Nothing) => self.is_filtering = true,
            (Key::Next, Open::Nothing) => self.pane = self.beside(1, site),
            (Key::Back, Open::Nothing) => self.pane = self.beside(Pane::ALL.len() - 1, site),
            (Key::Enter, Open::Nothing) => return self.enter(site),
            (key, _) => self.go(key, site),
        }
        Effect::None
    }

    /// Takes in what happened to a guest, where that is looked at.
    pub(super) fn happened(&mut self, event: &Event) {
        if let Open::Guest(guest, Past::Known(events)) = &mut self.open
            && *guest == event.state.guest
        {
            events.push(event.clone());
        }
    }

    /// Takes in what was read of a guest, where that is still looked at.
    pub(super) fn take_past(&mut self, guest: GuestKey, past: Past) {
        if let Open::Guest(open, known) = &mut self.open
            && *open == guest
        {
            *known = past;
        }
    }

    /// Returns which of so many lines of a pane is looked at; none where there is none.
    pub(super) fn selected(&self, pane: Pane, lines: usize) -> Option<usize> {
        let selected = self.selected.get(pane.nth()).copied().unwrap_or_default();
        lines.checked_sub(1).map(|last| selected.min(last))
    }

    /// Returns the pane beside the one that is looked at; one that is not shown is passed over.
    fn beside(&self, by: usize, site: &Site) -> Pane {
        let next = self.pane.beside(by);
        let is_shown = next != Pane::Questions || !site.approvals.is_empty();
        if is_shown { next } else { next.beside(by) }
    }

    fn open(&mut self, open: Open) {
        (self.open, self.scroll) = (open, 0);
    }

    fn filter_by(&mut self, key: Key) {
        match key {
            Key::Letter(letter) => self.filter.push(letter),
            Key::Erase => {
                self.filter.pop();
            }
            Key::Escape => {
                self.filter.clear();
                self.is_filtering = false;
            }
            Key::Enter | Key::Up | Key::Down | Key::Next | Key::Back => self.is_filtering = false,
            Key::PageUp | Key::PageDown | Key::First | Key::Last | Key::Interrupt => {}
        }
        self.selected = [0; Pane::ALL.len()];
    }

    fn enter(&mut self, site: &Site) -> Effect {
        if self.pane == Pane::Incidents {
            let open = site.open_incidents();
            let nth = self.selected(Pane::Incidents, open.len());
            if let Some(incident) = nth.and_then(|nth| open.get(nth)) {
                self.open(Open::Incident(incident.id.clone()));
            }
            return Effect::None;
        }
        if self.pane == Pane::Questions {
            let nth = self.selected(Pane::Questions, site.approvals.len());
            if let Some(asked) = nth.and_then(|nth| site.approvals.get(nth)) {
                self.open(Open::Question(asked.run.clone()));
            }
            return Effect::None;
        }
        let guests = panes::guests(self.pane, site, &self.filter);
        let nth = self.selected(self.pane, guests.len());
        let Some(guest) = nth.and_then(|nth| guests.get(nth)).copied() else {
            return Effect::None;
        };
        self.open(Open::Guest(guest, Past::Asked));
        Effect::Read(guest)
    }

    fn go(&mut self, key: Key, site: &Site) {
        let page = self.page.max(1);
        let lines = panes::count(self.pane, site, &self.filter);
        let at = match self.open {
            Open::Nothing => self.selected(self.pane, lines).unwrap_or_default(),
            Open::Help | Open::Guest(..) | Open::Incident(_) | Open::Question(_) => self.scroll,
        };
        let to = match key {
            Key::Up | Key::Letter('k') => at.saturating_sub(1),
            Key::Down | Key::Letter('j') => at + 1,
            Key::PageUp => at.saturating_sub(page),
            Key::PageDown => at + page,
            Key::First | Key::Letter('g') => 0,
            Key::Last | Key::Letter('G') => usize::MAX,
            Key::Next
            | Key::Back
            | Key::Enter
            | Key::Escape
            | Key::Erase
            | Key::Interrupt
            | Key::Letter(_) => at,
        };
        match self.open {
            Open::Nothing => {
                let nth = self.pane.nth();
                if let Some(selected) = self.selected.get_mut(nth) {
                    *selected = to;
                }
            }
            // How far there is to scroll is known when it is drawn.
            Open::Help | Open::Guest(..) | Open::Incident(_) | Open::Question(_) => {
                self.scroll = to;
            }
        }
    }
}
