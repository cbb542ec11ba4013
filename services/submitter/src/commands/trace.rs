//! `phoenix trace`: a run as a line of time.

use crate::cli::TraceArgs;
use crate::error::CommandError;
use crate::output::Output;
use crate::runs;
use crate::session;
use crate::timeline::Timeline;

pub(super) fn run(args: &TraceArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(show(args, output))
}

async fn show(args: &TraceArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let events = runs::events(&session.bus, &args.run).await?;
    let Some(timeline) = Timeline::of(&args.run, &events, session::now()) else {
        return Err(CommandError::NoSuchRun { run: args.run.clone() });
    };
    match &args.svg {
        None => output.data(&timeline.text())?,
        Some(path) => {
            std::fs::write(path, timeline.svg())
                .map_err(|err| CommandError::FileNotWritten { path: path.clone(), err })?;
            output.remark(&format!("written to {}", path.display()))?;
        }
    }
    Ok(0)
}
