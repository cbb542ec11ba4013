//! `phoenix watch`: tells what happens, for ever.

mod concern;
mod merge;

use std::pin::pin;

use bytes::Bytes;
use phoenix_bus::{From, HealthTail, HealthTold, Listener, Tail, Told};
use phoenix_domain::Event;
use phoenix_domain::health::HealthNews;

use self::concern::Concern;
use self::merge::{Merge, Side};
use crate::approvals;
use crate::cli::{FollowFormat, WatchArgs};
use crate::error::{CommandError, EXIT_INTERRUPTED};
use crate::follow;
use crate::health_words::HealthWords;
use crate::output::Output;
use crate::session::{self, Session};
use crate::words;

pub(super) fn run(args: &WatchArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(watch(args, output))
}

/// Something that is told.
enum Piece {
    Guest(Box<Event>),
    Health(Box<HealthNews>, Bytes),
}

/// All that is followed.
struct Followed {
    guests: Option<Tail>,
    health: Option<HealthTail>,
    said: Listener,
}

impl Followed {
    async fn begin(session: &Session, args: &WatchArgs) -> Result<Self, CommandError> {
        let from = match (args.events.since, args.events.until) {
            (Some(since), _) => From::Since(since),
            (None, Some(_)) => From::Beginning,
            (None, None) => From::Now,
        };
        let bus = &session.bus;
        let guests = if args.wants_guests() { Some(bus.tail(from.clone()).await?) } else { None };
        let health = if args.wants_health() { Some(bus.tail_health(from).await?) } else { None };
        Ok(Self { guests, health, said: bus.listen().await? })
    }
}

async fn watch(args: &WatchArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.events.connect, output).await?;
    let mut followed = Followed::begin(&session, args).await?;
    let mut concern = Concern::of(args, &session.bus).await?;
    let unknown = concern::unknown(args, &session.bus).await?;
    if !unknown.is_empty() {
        // It may come; who mistyped it should not wait for that.
        output.remark(&format!("nothing is known yet of {}", words::list(&unknown)))?;
    }
    let mut health_words = HealthWords::default();
    if args.events.since.is_none() && args.wants_health() {
        health_words = HealthWords::knowing(session.bus.incidents().await?);
    }
    let mut merge = Merge {
        guests: Side::new(followed.guests.is_some()),
        health: Side::new(followed.health.is_some()),
    };
    if args.events.since.is_none() && args.events.until.is_none() {
        for line in approvals::text(&session.bus.approvals().await?).lines() {
            output.remark(line)?;
        }
    }
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            told = next(followed.guests.as_mut()), if merge.guests.is_free() => match told {
                Told::Event { event, .. } => {
                    merge.guests.take(event.time, Piece::Guest(event));
                }
                Told::Unreadable(foreign) => {
                    let guest =
                        foreign.guest.map(|guest| format!(" of {guest}")).unwrap_or_default();
                    let cause = words::line(&foreign.cause);
                    output.remark(&format!(
                        "warning: what stands in the log{guest} is not ours: {cause}"
                    ))?;
                }
                Told::Rewound => output.remark(REWOUND)?,
                Told::CaughtUp => merge.guests.caught_up(),
            },
            told = next_health(followed.health.as_mut()), if merge.health.is_free() => match told {
                HealthTold::News { news, body, .. } => {
                    merge.health.take(news.time(), Piece::Health(news, body));
                }
                HealthTold::Unreadable { subject, cause } => {
                    let (subject, cause) = (words::line(&subject), words::line(&cause));
                    output.remark(&format!("warning: what is told under {subject} is not ours: {cause}"))?;
                }
                HealthTold::Rewound => output.remark(REWOUND)?,
                HealthTold::CaughtUp => merge.health.caught_up(),
            },
            said = followed.said.next() => {
                let said = said?;
                let lines = if args.hears(said.guest) { words::said(&said, "") } else { Vec::new() };
                for line in lines {
                    if !output.stream(&format!("{line}\n"))? {
                        return Ok(0);
                    }
                }
            }
            _ = &mut interrupt => return Ok(EXIT_INTERRUPTED),
        }
        while let Some((time, piece)) = merge.next() {
            if args.events.until.is_some_and(|until| time > until) {
                return Ok(0);
            }
            let Some(text) = told(args, &mut concern, &mut health_words, &piece)? else { continue };
            if !output.stream(&text)? {
                return Ok(0);
            }
        }
        // What is past does not go on.
        if merge.is_live() && args.events.until.is_some_and(|until| until <= session::now()) {
            return Ok(0);
        }
    }
}

const REWOUND: &str = "warning: the log went backwards: it was restored, or is another one";

async fn next(tail: Option<&mut Tail>) -> Told {
    match tail {
        Some(tail) => tail.next().await,
        None => std::future::pending().await,
    }
}

async fn next_health(tail: Option<&mut HealthTail>) -> HealthTold {
    match tail {
        Some(tail) => tail.next().await,
        None => std::future::pending().await,
    }
}

/// Returns what is written of something that is told; nothing where nobody asked for it.
fn told(
    args: &WatchArgs,
    concern: &mut Concern,
    health_words: &mut HealthWords,
    piece: &Piece,
) -> Result<Option<String>, CommandError> {
    let format = args.events.output;
    match piece {
        Piece::Guest(event) => {
            concern.learn(event);
            if !(concern.is_of(event) && args.events.want(event)) {
                return Ok(None);
            }
            match format {
                FollowFormat::Text => {
                    Ok(Some(format!("{}\n", words::event(event, &words::name(&event.state)))))
                }
                FollowFormat::Jsonl => follow::jsonl(event).map(Some),
            }
        }
        Piece::Health(news, body) => {
            let line = health_words.line(news, |guest| concern.name(guest));
            if !(concern.is_of_health(news) && args.events.want_health(news)) {
                return Ok(None);
            }
            match format {
                FollowFormat::Text => Ok(Some(format!("{line}\n"))),
                FollowFormat::Jsonl => {
                    // Whoever told it may have done so on several lines.
                    let event: serde_json::Value = serde_json::from_slice(body)?;
                    Ok(Some(format!("{event}\n")))
                }
            }
        }
    }
}
