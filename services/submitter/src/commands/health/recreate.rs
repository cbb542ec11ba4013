//! `phoenix repair ID --rung recreate`: shows what it comes to, asks a person, and tells where the old
//! guest went.

use std::fmt::Write as _;
use std::time::Duration;

use phoenix_bus::{Bus, From, Tail, Told};
use phoenix_domain::health::{Rung, Word};
use phoenix_domain::{Event, Fact, Goal, GuestKey, GuestSpec, Record, Repair, Vmid, VolumeSource};

use super::orders::order;
use crate::cli::RepairArgs;
use crate::confirm::{self, By};
use crate::error::{CommandError, EXIT_INTERRUPTED, EXIT_RUN_FAILED};
use crate::output::Output;
use crate::session;
use crate::words;

/// How long the monitor may take to ask for what it has agreed to.
const SOON: Duration = Duration::from_secs(30);

/// How following it ended.
enum Ended {
    /// It is settled, for better or worse.
    Settled(Box<Event>),
    /// Nobody was asked for it.
    NotAsked,
    /// Ctrl-C.
    Interrupted,
}

pub(super) async fn recreate(
    bus: &Bus,
    guest: GuestKey,
    args: &RepairArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let vmid = guest.vmid;
    let end = bus.end(guest).await?.ok_or(CommandError::NeverSubmitted { asked: vmid })?;
    let record = end.event.state;
    if let Ok(spec) = record.desired.spec.read() {
        if let Some(why) = spec.irreplaceable() {
            return Err(CommandError::Irreplaceable { asked: vmid, why });
        }
        output.remark(shown(&record, &spec).trim_end())?;
    }
    let what = format!("set {vmid} aside and make it again");
    if !args.yes && !confirm::is_agreed(&what, &By::Yes, output)? {
        output.remark("nothing was done")?;
        return Ok(0);
    }
    let mut tail = bus.tail_guest(guest, From::Now).await?;
    let by = session::by(&args.who);
    order(bus, Word::Repair { guest, rung: Some(Rung::Recreate), by }).await?;
    match follow(&mut tail, output).await? {
        Ended::Settled(event) => match event.fact {
            Fact::Completed(done) => {
                output.remark(&whereabouts(vmid, done.set_aside))?;
                Ok(0)
            }
            Fact::Requested(_)
            | Fact::RepairRequested(_)
            | Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::StepFailed(_)
            | Fact::RetryWait(_)
            | Fact::Blocked(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => {
                output.remark(&format!("`phoenix status {vmid}` says what can be done"))?;
                Ok(EXIT_RUN_FAILED)
            }
        },
        Ended::NotAsked => {
            output.remark(&format!("`phoenix health {vmid}` says what comes of it"))?;
            Ok(0)
        }
        Ended::Interrupted => {
            output.remark(&format!("it goes on; `phoenix watch {vmid}` shows how"))?;
            Ok(EXIT_INTERRUPTED)
        }
    }
}

/// Tells what happens to the guest until its making again is settled.
async fn follow(tail: &mut Tail, output: &mut Output) -> Result<Ended, CommandError> {
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut patience = std::pin::pin!(tokio::time::sleep(SOON));
    let mut is_asked = false;
    loop {
        let told = tokio::select! {
            told = tail.next() => told,
            _ = &mut interrupt => return Ok(Ended::Interrupted),
            () = &mut patience, if !is_asked => return Ok(Ended::NotAsked),
        };
        let Told::Event { event, .. } = told else { continue };
        let is_ours = event.state.desired.goal == Goal::Repaired { by: Repair::Recreate };
        is_asked |= is_ours;
        if !is_asked {
            continue;
        }
        output.data(&format!("{}\n", words::event(&event, &words::name(&event.state))))?;
        if event.state.is_settled() || !is_ours {
            return Ok(Ended::Settled(event));
        }
    }
}

/// Says what becomes of what the guest has.
fn shown(record: &Record, spec: &GuestSpec) -> String {
    let guest = words::guest(record.guest, &words::name(record));
    let (disk, from) = (&spec.root_disk, record.guest.vmid.beside().next());
    let from = from.map_or_else(|| "another".to_owned(), |first| first.to_string());
    let mut text = format!("{guest} on {}\n", record.desired.host);
    // A String takes everything that is written to it.
    let _written = writeln!(
        text,
        "  aside  its root disk, {} on {}, under the first free number from {from} on",
        disk.size, disk.storage
    );
    for volume in &spec.volumes {
        let what = match &volume.source {
            VolumeSource::Storage { name, storage, size } => {
                format!("the volume {name}, {size} on {storage}")
            }
            VolumeSource::Host { path, .. } => format!("the directory {path} of the host"),
            VolumeSource::Nfs { .. } => "what is mounted there over NFS".to_owned(),
        };
        let _written = writeln!(text, "  stays  {}: {what}", volume.place);
    }
    text
}

fn whereabouts(vmid: Vmid, there: Option<Vmid>) -> String {
    match there {
        Some(there) => format!(
            "{vmid} was made again; the old one stands still under {there}, with the tag quarantine, until you remove it"
        ),
        None => format!("{vmid} was made again; there was no old one to be set aside"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_old_guest_went_is_told_by_its_number() {
        let vmid = |text: &str| text.parse::<Vmid>().unwrap();
        let told = whereabouts(vmid("950"), Some(vmid("950000")));
        assert!(told.contains("under 950000"), "{told}");
        assert!(whereabouts(vmid("950"), None).contains("no old one"));
    }
}
