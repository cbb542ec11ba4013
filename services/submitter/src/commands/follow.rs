//! `phoenix follow`: follows a run until it is done.

use std::collections::BTreeMap;

use phoenix_bus::From;

use crate::cli::FollowArgs;
use crate::error::CommandError;
use crate::follow;
use crate::output::Output;
use crate::runs;
use crate::session;
use crate::states::States;
use crate::words;

pub(super) fn run(args: &FollowArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(follow_run(args, output))
}

async fn follow_run(args: &FollowArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let tail = session.bus.tail(From::Now).await?;
    let states = States::read(&session.bus).await?;
    let guests = runs::members(&session.bus, &states, &args.run).await?;
    for guest in &guests {
        let Some(record) = states.record(*guest) else { continue };
        let newer = &record.desired.run;
        if *newer != args.run {
            let guest = words::guest(*guest, &words::name(record));
            output.remark(&format!("{guest} was asked for since, in run {newer}"))?;
        }
    }
    let watched = states.watched(&guests, &BTreeMap::new(), session::now()).of_run(&args.run);
    if !watched.is_over() {
        follow::warn_of_silence(&session.bus, &watched, output).await?;
    }
    follow::follow(&session.bus, tail, watched, Some(&args.run), &args.live, output).await
}
