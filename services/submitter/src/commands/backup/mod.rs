//! `phoenix backup` and `phoenix restore`: all that NATS keeps for Phoenix, in one file, and back.

mod archive;
mod error;

use phoenix_bus::{Bus, CopyOf};

use self::archive::{Archive, Writer};
pub(crate) use self::error::BackupError;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::words;

/// Streams that are made anew by whoever is there: nothing is lost with them.
const OF_THE_MOMENT: [&str; 2] = ["KV_phoenix-hosts", "KV_phoenix-leases"];

pub(super) fn back_up(args: &BackupArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(&args.connect).await?;
        let mut writer = Writer::begin(&args.file)?;
        let (mut copies, mut messages) = (0, 0);
        for stream in Bus::worth_copying() {
            let mut entry = writer.entry(&stream)?;
            let done = bus.copy_stream(&stream, |chunk| entry.take(chunk)).await?;
            let sum = entry.end()?;
            if let Some(copy) = done {
                copies += 1;
                messages += copy.messages();
                writer.noted(copy, sum);
            }
        }
        if copies == 0 {
            return Err(BackupError::Nothing.into());
        }
        writer.end(&bus.server_version(), session::now())?;
        output.remark(&format!(
            "{} of {} are in {}; `phoenix restore {}` puts them back",
            words::count(usize::try_from(messages).unwrap_or(usize::MAX), "message", "messages"),
            words::count(copies, "stream", "streams"),
            args.file.display(),
            args.file.display()
        ))?;
        Ok(0)
    })
}

pub(super) fn restore(args: &RestoreArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(async {
        // Nothing is touched before the whole of it was read.
        let archive = Archive::check(&args.file)?;
        let bus = session::connect(&args.connect).await?;
        let hosts = worked(&bus).await?;
        if !hosts.is_empty() {
            return Err(BackupError::Worked { hosts: words::list(&hosts) }.into());
        }
        let there = in_use(&bus, archive.copies()).await?;
        if !there.is_empty() {
            if !args.over {
                return Err(BackupError::InUse { what: there.join(", ") }.into());
            }
            output.remark(&format!("given up for what is in the file: {}", there.join(", ")))?;
        }
        for copy in archive.copies() {
            let mut chunks = archive.chunks(&copy.stream)?;
            bus.put_back(copy, || chunks.next()).await?;
        }
        output.remark(&format!(
            "{} are as they were at {}; start the workers anew, then look: `phoenix status`",
            words::count(archive.copies().len(), "stream", "streams"),
            words::time(archive.taken())
        ))?;
        Ok(0)
    })
}

/// Returns the hosts whose worker is there: it would go on with what it has read before.
async fn worked(bus: &Bus) -> Result<Vec<String>, CommandError> {
    let (reports, now) = (bus.hosts().await?, session::now());
    let alive = reports.iter().filter(|report| report.is_alive(now));
    Ok(alive.map(|report| report.host.to_string()).collect())
}

/// Says what of these streams holds something now.
async fn in_use(bus: &Bus, copies: &[CopyOf]) -> Result<Vec<String>, CommandError> {
    let mut used = Vec::new();
    for copy in copies.iter().filter(|copy| !OF_THE_MOMENT.contains(&copy.stream.as_str())) {
        let there = bus.messages_of(&copy.stream).await?.unwrap_or(0);
        if there > 0 {
            let count = usize::try_from(there).unwrap_or(usize::MAX);
            used.push(format!("{} of {}", words::count(count, "message", "messages"), copy.stream));
        }
    }
    Ok(used)
}
