//! `phoenix top`: how everything is, on the whole terminal, as it happens.
//!
//! `state` says what a key does, `panes` what there is to show, `draw` where it stands. All three know
//! neither the bus nor the terminal.

mod draw;
mod facts;
mod panes;
mod signs;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use crossterm::event::{Event as Typed, EventStream, KeyEvent, KeyEventKind};
use futures_util::{FutureExt as _, StreamExt as _};
use phoenix_bus::Bus;
use phoenix_domain::{Event, GuestKey};
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::draw::Screen;
use self::state::{Effect, Key, Past, State};
use crate::cli::TopArgs;
use crate::error::{CommandError, EXIT_INTERRUPTED};
use crate::output::Output;
use crate::session;
use crate::site::{Following, News, Site};

/// How often is drawn what only time changes.
const TICK: Duration = Duration::from_millis(500);
/// How many pieces of news may wait for the next picture.
const WAITING: usize = 1024;

pub(crate) fn run(args: &TopArgs, output: &mut Output) -> Result<u8, CommandError> {
    if !output.has_screen() {
        return Err(CommandError::NoScreen);
    }
    session::run(show(args, output))
}

async fn show(args: &TopArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let (site, following) = Site::read(session.bus.clone()).await?;
    let (_, until_asked) = phoenix_service::on_signal()?;
    let mut terminal = begin()?;
    let mut top = Top {
        cell: args.connect.cell.to_string(),
        has_colors: output.has_colors(),
        is_away: None,
        bus: session.bus,
        site,
        state: State::default(),
    };
    let ended = tokio::select! {
        ended = top.watch(&mut terminal, following) => ended,
        () = until_asked => Ok(EXIT_INTERRUPTED),
    };
    ratatui::try_restore()?;
    ended
}

/// Takes the whole terminal. Whoever panics from here on gives it back first.
fn begin() -> io::Result<DefaultTerminal> {
    ratatui::try_init()
}

/// All that is shown, and what keeps it so.
struct Top {
    bus: Bus,
    cell: String,
    has_colors: bool,
    /// Since when NATS is away.
    is_away: Option<chrono::DateTime<chrono::Utc>>,
    site: Site,
    state: State,
}

impl Top {
    async fn watch(
        &mut self,
        terminal: &mut DefaultTerminal,
        following: Following,
    ) -> Result<u8, CommandError> {
        let (tell, mut news) = mpsc::channel(WAITING);
        let mut follow = pin!(follow(following, tell));
        let mut keys = EventStream::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let bus = self.bus.clone();
        let mut reading = pin!(futures_util::future::pending().left_future());
        loop {
            self.draw(terminal)?;
            tokio::select! {
                typed = keys.next() => match typed {
                    Some(Ok(typed)) => match self.typed(&typed) {
                        Effect::None => {}
                        Effect::Read(guest) => reading.set(read(&bus, guest).right_future()),
                        Effect::End => return Ok(0),
                        Effect::Interrupt => return Ok(EXIT_INTERRUPTED),
                    },
                    // The terminal is gone, and with it who looked.
                    Some(Err(err)) => return Err(err.into()),
                    None => return Ok(EXIT_INTERRUPTED),
                },
                (guest, past) = &mut reading => {
                    reading.set(futures_util::future::pending().left_future());
                    self.state.take_past(guest, past);
                }
                Some(first) = news.recv() => {
                    self.take(first);
                    // What comes together is drawn together.
                    while let Ok(next) = news.try_recv() {
                        self.take(next);
                    }
                }
                never = &mut follow => match never {},
                _ = ticks.tick() => {}
            }
        }
    }

    fn draw(&mut self, terminal: &mut DefaultTerminal) -> Result<(), CommandError> {
        let now = session::now();
        self.is_away = if self.bus.is_connected() { None } else { self.is_away.or(Some(now)) };
        let screen = Screen {
            site: &self.site,
            cell: &self.cell,
            is_away: self.is_away,
            has_colors: self.has_colors,
            now,
        };
        terminal.draw(|frame| screen.draw(frame, &mut self.state))?;
        Ok(())
    }

    fn typed(&mut self, typed: &Typed) -> Effect {
        match typed {
            Typed::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => {
                let key = Key::of(*code, *modifiers);
                key.map_or(Effect::None, |key| self.state.update(key, &self.site))
            }
            // A terminal of another size is drawn anew, as after everything.
            Typed::Key(_)
            | Typed::Resize(..)
            | Typed::Mouse(_)
            | Typed::Paste(_)
            | Typed::FocusGained
            | Typed::FocusLost => Effect::None,
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Happened(seq, event) => {
                self.state.happened(&event);
                self.site.states.take(seq, *event);
            }
            News::Anew(states) => self.site.states = states,
            News::Looked(look) => {
                self.site.looked(*look, session::now());
            }
        }
    }
}

/// Passes on what is new, for ever.
async fn follow(mut following: Following, tell: mpsc::Sender<News>) -> Infallible {
    loop {
        if tell.send(following.next().await).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reads what happened to a guest.
async fn read(bus: &Bus, guest: GuestKey) -> (GuestKey, Past) {
    let history = bus.history(guest).await;
    let events = |history: Vec<(u64, Event)>| history.into_iter().map(|(_, event)| event).collect();
    (guest, history.map_or(Past::Unknown, |history| Past::Known(events(history))))
}
