//! What is said about incidents, to people.

use chrono::{DateTime, Utc};

use super::super::incident::LONGEST_TEXT;
use super::super::{
    Command, Condition, Danger, Ground, Incident, IncidentId, Next, Patient, Reason, Root, Severity,
};
use crate::Vmid;

/// Returns an incident of which only the beginning is known.
pub(super) fn blank(root: Root, reason: Reason, opened: DateTime<Utc>) -> Incident {
    Incident {
        id: IncidentId::of(&root, opened),
        root,
        reason,
        severity: Severity::Notice,
        text: String::new(),
        opened,
        updated: opened,
        resolved: None,
        guests: Vec::new(),
        evidence: Vec::new(),
        tried: Vec::new(),
        next: Next::None { why: "it was only just found".to_owned() },
        commands: Vec::new(),
        acks: Vec::new(),
    }
}

/// Says how it is with a guest.
pub(super) fn guest(patient: &Patient, probe: &str, condition: Condition, next: &Next) -> String {
    let Patient { name, host, guest, .. } = patient;
    let what = match condition {
        Condition::Starting => "is starting".to_owned(),
        Condition::Healthy => "serves again".to_owned(),
        Condition::Degraded(reason) | Condition::Failed(reason) => reason.words().to_owned(),
        Condition::Unknown(reason) => format!("is unknown: it {}", reason.words()),
    };
    short(format!("{probe} on {} {name} ({host}) {what}; {}", guest.vmid, then(next)))
}

/// Says how it is with what guests stand on, and how many of those that are to serve do.
pub(super) fn ground(ground: &Ground, guests: usize, is_down: bool) -> String {
    let what = if is_down { "is not well" } else { "has something to do with it" };
    let guests = match guests {
        0 => "no guest that should serve is".to_owned(),
        1 => "1 guest is".to_owned(),
        guests => format!("{guests} guests are"),
    };
    let then = if is_down { "nothing is repaired until it is" } else { "the breaker is open" };
    short(format!("{ground} {what}: {guests} affected; {then}"))
}

/// Says what happens next, in a few words.
fn then(next: &Next) -> String {
    match next {
        Next::Repair { rung, attempt, of, at } => {
            format!("{} (attempt {attempt}/{of}) at {}", rung.words(), at.format("%H:%M:%SZ"))
        }
        Next::Held { rung, why, .. } => format!("{} is held back: {why}", rung.words()),
        Next::UnderWay { rung, .. } => format!("{} is under way", rung.words()),
        Next::Look { at, why, .. } => format!("at {} {why}", at.format("%H:%M:%SZ")),
        Next::None { why } => format!("nothing automatic: {why}"),
    }
}

/// Returns what a human can type about a guest.
pub(super) fn guest_commands(vmid: Vmid, id: &IncidentId, is_breaker: bool) -> Vec<Command> {
    let mut commands = vec![
        read("ask it now, and show what comes", format!("phoenix health probe {vmid}")),
        read("the whole story", format!("phoenix explain {id}")),
        safe("say that you have seen it", format!("phoenix ack {id}")),
        destructive("restart the service", format!("phoenix repair {vmid} --rung service")),
        destructive("restart the guest", format!("phoenix repair {vmid} --rung guest")),
        safe(
            "leave it alone",
            format!("phoenix maintenance start {vmid} --for 2h --reason 'incident {id}'"),
        ),
    ];
    if is_breaker {
        commands.insert(2, close_breaker(id));
    }
    commands
}

/// Returns what a human can type about what all guests stand on.
pub(super) fn common_commands(id: &IncidentId) -> Vec<Command> {
    vec![
        read("how everything is", "phoenix health".to_owned()),
        read("the whole story", format!("phoenix explain {id}")),
        safe("say that you have seen it", format!("phoenix ack {id}")),
    ]
}

/// Returns what a human can type about what guests stand on, the look at it on its host first.
pub(super) fn ground_commands(ground: &Ground, id: &IncidentId, is_down: bool) -> Vec<Command> {
    let mut commands = on_host(ground);
    commands.extend(common_commands(id));
    if !is_down {
        commands.push(close_breaker(id));
    }
    commands
}

/// Returns what shows on its host how it is with what guests stand on.
fn on_host(ground: &Ground) -> Vec<Command> {
    match ground {
        Ground::Host(host) => vec![read(
            "whether the host is there, and its worker runs",
            format!("ssh {host} systemctl status phoenix-worker"),
        )],
        Ground::Bridge(host, bridge) => vec![
            read("the bridge", format!("ssh {host} ip -br link show {bridge}")),
            read("what is on it", format!("ssh {host} bridge link show master {bridge}")),
        ],
        Ground::Storage(host, storage) => vec![
            read("the storage", format!("ssh {host} pvesm status --storage {storage}")),
            read("the disks", format!("ssh {host} lsblk")),
        ],
        Ground::Gpu(host, index) => vec![
            read("the GPU", format!("ssh {host} nvidia-smi -i {index}")),
            read("what its driver says", format!("ssh {host} \"dmesg -T | grep -i nvrm\"")),
        ],
        Ground::Template(vmid) => vec![read("the template", format!("phoenix status {vmid}"))],
        Ground::Guest(guest) => {
            vec![read("the guest", format!("phoenix health {}", guest.vmid))]
        }
        Ground::Fleet => Vec::new(),
    }
}

pub(super) fn close_breaker(id: &IncidentId) -> Command {
    safe("let repairs go on", format!("phoenix breaker close --reason 'incident {id}'"))
}

fn read(label: &str, line: String) -> Command {
    Command { label: label.to_owned(), line, danger: Danger::Read }
}

fn safe(label: &str, line: String) -> Command {
    Command { label: label.to_owned(), line, danger: Danger::Safe }
}

fn destructive(label: &str, line: String) -> Command {
    Command { label: label.to_owned(), line, danger: Danger::Destructive }
}

/// Cuts a text where people stop reading.
pub(super) fn short(text: String) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT - 1).chain(['…']).collect()
}
