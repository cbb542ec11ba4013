//! Where everything stands on the screen.

use chrono::{DateTime, Utc};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line as Text;
use ratatui::widgets::{Paragraph, Row, Table};

use super::facts;
use super::panes::{self, Line};
use super::signs::Sign;
use super::state::{Open, Pane, State};
use crate::site::Site;
use crate::words;

/// From how many columns on there is room for a guest's host, and for what happens next.
const WIDE: u16 = 110;

/// What is drawn.
pub(super) struct Screen<'s> {
    pub(super) site: &'s Site,
    pub(super) cell: &'s str,
    /// Since when NATS is away.
    pub(super) is_away: Option<DateTime<Utc>>,
    pub(super) has_colors: bool,
    pub(super) now: DateTime<Utc>,
}

impl Screen<'_> {
    /// Draws it all.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, state: &mut State) {
        let rows =
            Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)]);
        let [head, middle, foot] = rows.areas(frame.area());
        frame.render_widget(Paragraph::new(self.head()), head);
        match state.open.clone() {
            Open::Nothing => self.panes(frame, middle, state),
            Open::Help => Self::over(frame, middle, state, &facts::help()),
            Open::Guest(guest, past) => {
                let lines = facts::guest(self.site, guest, &past, self.now);
                Self::over(frame, middle, state, &lines);
            }
            Open::Incident(id) => {
                Self::over(frame, middle, state, &facts::incident(self.site, &id));
            }
            Open::Question(run) => {
                Self::over(frame, middle, state, &facts::question(self.site, &run));
            }
        }
        frame.render_widget(Paragraph::new(Self::foot(state)), foot);
    }

    fn head(&self) -> Vec<Text<'static>> {
        let site = self.site;
        let alive = site.hosts.iter().filter(|report| report.is_alive(self.now)).count();
        let monitor = match &site.outlook {
            None => "✗ no monitor".to_owned(),
            Some(outlook) if outlook.breaker.is_some() => {
                format!("✗ monitor {}, breaker open", outlook.mode.name())
            }
            Some(outlook) => format!("monitor {}", outlook.mode.name()),
        };
        let nats = if self.is_away.is_some() { "✗ NATS away" } else { "NATS ok" };
        let hosts = site.hosts.len();
        let sign = if alive < hosts || hosts == 0 { "✗ " } else { "" };
        let first = format!(
            "phoenix {}  {nats}  {sign}{alive}/{hosts} hosts  {monitor}",
            words::line(self.cell)
        );
        let first = format!("{}  {first}", words::time(self.now));
        let is = |sign| site.states.records().filter(|record| Sign::of(record) == sign).count();
        let is_sick = |record: &&phoenix_domain::Record| {
            let health = site.health(record.guest);
            Sign::of(record) == Sign::Bad
                || health.is_some_and(|(_, at, _)| Sign::of_condition(*at) == Sign::Bad)
        };
        let sick = site.states.records().filter(is_sick).count();
        let second = [
            words::count(site.states.guests().count(), "guest", "guests"),
            format!("{} on the way", is(Sign::Busy)),
            format!("{sick} not well"),
            words::count(site.open_incidents().len(), "incident", "incidents"),
        ];
        let second = match self.is_away {
            None => Text::raw(second.join(" · ")),
            Some(since) => {
                let lasts = words::brief(self.now - since);
                let away = format!("✗ NATS is away for {lasts}; what is shown is older than that");
                Text::styled(away, self.style(Sign::Bad))
            }
        };
        vec![Text::styled(first, Style::new().add_modifier(Modifier::BOLD)), second]
    }

    fn foot(state: &State) -> String {
        if state.is_filtering {
            return format!("/{}_   Enter keeps it, Esc shows all", words::line(&state.filter));
        }
        let keys = match &state.open {
            Open::Nothing => "q end  ↑↓ jk go  Tab pane  Enter show  / filter  ? help",
            Open::Help | Open::Guest(..) | Open::Incident(_) | Open::Question(_) => {
                "q end  ↑↓ jk scroll  Esc back"
            }
        };
        if state.filter.is_empty() {
            keys.to_owned()
        } else {
            format!("{keys}   only `{}`", words::line(&state.filter))
        }
    }

    /// Draws lines over everything but head and foot.
    fn over(frame: &mut Frame<'_>, area: Rect, state: &mut State, lines: &[String]) {
        let (width, height) = (usize::from(area.width).max(1), usize::from(area.height));
        let lines: Vec<_> = lines.iter().flat_map(|line| wrapped(line, width)).collect();
        state.page = height;
        state.scroll = state.scroll.min(lines.len().saturating_sub(height));
        let shown = lines.into_iter().skip(state.scroll).take(height).map(Text::raw);
        frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), area);
    }

    fn panes(&self, frame: &mut Frame<'_>, area: Rect, state: &mut State) {
        let counts = Pane::ALL.map(|pane| panes::count(pane, self.site, &state.filter));
        let areas = Layout::vertical(heights(area.height, state.pane, counts)).split(area);
        for ((pane, area), count) in Pane::ALL.into_iter().zip(areas.iter()).zip(counts) {
            self.pane(frame, *area, state, (pane, count));
        }
    }

    fn pane(&self, frame: &mut Frame<'_>, area: Rect, state: &mut State, of: (Pane, usize)) {
        let (pane, count) = of;
        let shown = usize::from(area.height).saturating_sub(1);
        let is_here = state.pane == pane;
        if is_here {
            state.page = shown;
        }
        let selected = state.selected(pane, count);
        let first = selected.map_or(0, |selected| (selected + 1).saturating_sub(shown.max(1)));
        let (widths, titles) = columns(pane, area.width);
        let lines = self.lines(pane, state, first, shown);
        let rows = lines.into_iter().enumerate().map(|(nth, line)| {
            let is_selected = is_here && selected == Some(first + nth);
            let mark = if is_selected { ">" } else { " " };
            let sign = format!("{mark}{}", line.sign.text());
            let cells = std::iter::once(sign).chain(line.cells).zip(&widths);
            let cells = cells.map(|(cell, width)| words::shortened(&cell, usize::from(*width)));
            let style = self.style(line.sign);
            let style = if is_selected { style.add_modifier(Modifier::REVERSED) } else { style };
            Row::new(cells).style(style)
        });
        let upto = (first + shown).min(count);
        let range =
            if count == 0 { "none".to_owned() } else { format!("{}-{upto}/{count}", first + 1) };
        let mark = if is_here { "»" } else { " " };
        let mut titles = titles.into_iter();
        let name = titles.next().unwrap_or_default();
        let head = [format!("{mark} "), format!("{name} {range}")];
        let head = head.into_iter().chain(titles.map(str::to_owned));
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let widths = widths.iter().copied().map(Constraint::Length);
        let table = Table::new(rows.collect::<Vec<_>>(), widths)
            .header(Row::new(head.collect::<Vec<_>>()).style(bold))
            .column_spacing(1);
        frame.render_widget(table, area);
        if pane == Pane::Fleet && self.site.states.guests().next().is_none() {
            let below = Rect { y: area.y.saturating_add(1), height: 1, ..area };
            let none = "   no guest was submitted yet: `phoenix submit ID`";
            frame.render_widget(Paragraph::new(none), below.intersection(area));
        }
    }

    fn lines(&self, pane: Pane, state: &State, first: usize, shown: usize) -> Vec<Line> {
        let (site, now) = (self.site, self.now);
        match pane {
            // Of a large fleet only what is seen is put into words.
            Pane::Fleet => panes::fleet(site, &state.filter)
                .into_iter()
                .skip(first)
                .take(shown)
                .filter_map(|(guest, depth)| panes::guest(site, guest, depth, now))
                .collect(),
            Pane::Queue => panes::guests(pane, site, &state.filter)
                .into_iter()
                .skip(first)
                .take(shown)
                .filter_map(|guest| panes::waiting(site, guest, now))
                .collect(),
            Pane::Questions => cut(panes::questions(site, now), first, shown),
            Pane::Incidents => cut(panes::incidents(site, now), first, shown),
            Pane::Runs => cut(panes::runs(site), first, shown),
            Pane::Workers => cut(panes::workers(site, now), first, shown),
        }
    }

    fn style(&self, sign: Sign) -> Style {
        match sign {
            Sign::Bad if self.has_colors => Style::new().fg(Color::Red),
            Sign::Busy if self.has_colors => Style::new().fg(Color::Yellow),
            Sign::Good | Sign::Busy | Sign::Bad => Style::new(),
        }
    }
}

/// Returns how wide the columns of a pane are, and what stands above them. The last one has what the
/// others leave.
fn columns(pane: Pane, width: u16) -> (Vec<u16>, Vec<&'static str>) {
    let (fixed, titles) = match pane {
        Pane::Fleet if width >= WIDE => (
            vec![2, 26, 10, 22, 16, 6, 8],
            vec!["GUESTS", "STATE", "PHASE/STEP", "HEALTH", "FOR", "HOST", "NEXT"],
        ),
        Pane::Fleet => {
            (vec![2, 22, 10, 18, 16], vec!["GUESTS", "STATE", "PHASE/STEP", "HEALTH", "FOR"])
        }
        Pane::Questions => (vec![2, 34, 6], vec!["QUESTIONS", "FOR", "WHAT"]),
        Pane::Incidents => (vec![2, 16, 6, 6], vec!["INCIDENTS", "", "FOR", "WHAT"]),
        Pane::Runs => (vec![2, 34, 12], vec!["RUNS AT WORK", "BY", "STATE"]),
        Pane::Queue => (vec![2, 22, 6], vec!["WAITING", "FOR", "WHAT FOR"]),
        Pane::Workers => (vec![2, 18, 13, 10, 9], vec!["WORKERS", "", "", "VERSION", ""]),
    };
    let taken = fixed.iter().map(|width| width + 1).sum();
    let rest = width.saturating_sub(taken);
    (fixed.into_iter().chain([rest]).collect(), titles)
}

/// Returns a line as several that are no longer than this.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    match letters.len() {
        0 => vec![String::new()],
        _ => letters.chunks(width).map(|part| part.iter().collect()).collect(),
    }
}

fn cut(lines: Vec<Line>, first: usize, shown: usize) -> Vec<Line> {
    lines.into_iter().skip(first).take(shown).collect()
}

/// Returns how high the panes are: the fleet has what the others leave, and they have what they need,
/// as far as there is room; the one that is looked at has more of it.
fn heights(height: u16, here: Pane, counts: [usize; Pane::ALL.len()]) -> Vec<Constraint> {
    let usual = usize::from(height / 10).max(2);
    let most = usize::from(height / 3).max(usual);
    let of = |(pane, count): (Pane, usize)| {
        let room = if pane == here { most } else { usual };
        // A line for the title.
        let lines = u16::try_from(count.min(room) + 1).unwrap_or(u16::MAX);
        match pane {
            Pane::Fleet => Constraint::Min(4),
            // Of what is asked most seldom there is not even a title.
            Pane::Questions if count == 0 && pane != here => Constraint::Length(0),
            Pane::Questions | Pane::Incidents | Pane::Runs | Pane::Queue | Pane::Workers => {
                Constraint::Length(lines)
            }
        }
    };
    Pane::ALL.into_iter().zip(counts).map(of).collect()
}
