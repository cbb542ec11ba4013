//! Whether NATS is there, what its word is worth, and what it lets us do.

use std::time::Instant;

use phoenix_bus::{Bus, BusError, Durability, Proof, Store};

use super::report::{Report, command};
use crate::cli::DoctorArgs;
use crate::error::CommandError;
use crate::session;

/// Where `phoenix nats init` puts the key of who may look at everything.
pub(super) const ADMIN: &str = " --nats-nkey-file /etc/phoenix/nats/keys/admin.nk";

/// Connects, and says how that went.
pub(super) async fn reach(args: &DoctorArgs, report: &mut Report) -> Option<Bus> {
    let bus = match session::connect(&args.list.connect).await {
        Ok(bus) => bus,
        Err(err) => {
            report.wrong("NATS", said(&err), remedy(&err));
            return None;
        }
    };
    durability(&bus, args, report).await;
    role(&bus, report).await;
    Some(bus)
}

/// Says what the server is, how fast it answers, and what its acknowledgement is worth.
async fn durability(bus: &Bus, args: &DoctorArgs, report: &mut Report) {
    let begun = Instant::now();
    let setup = match bus.look_up().await {
        Ok(setup) => setup,
        Err(err) => {
            let err = CommandError::from(err);
            report.wrong("NATS", said(&err), format!("phoenix nats setup{}", bus.options()));
            return;
        }
    };
    let (url, version) = (bus.url(), bus.server_version());
    let took = begun.elapsed().as_millis();
    report.ok("NATS", format!("{url} answers within {took} ms; nats-server {version}"));
    let asked = match &args.nats_monitor {
        None => Ok(setup.durability),
        Some(monitor) => bus.durability(&Proof::Ask { monitor: Some(monitor.clone()) }).await,
    };
    match asked {
        Ok(Durability::Synced) => {
            report.ok("durability", "what is acknowledged is on disk");
        }
        Ok(Durability::Replicated) => {
            report.ok("durability", "what is acknowledged is kept by three servers");
        }
        Ok(Durability::Lossy) => report.warning(
            "durability",
            "NATS acknowledges before it has written to disk: a power failure may lose what it accepted; set `jetstream { sync_interval: always }` in its configuration",
            "phoenix nats init",
        ),
        Err(err) => report.warning(
            "durability",
            said(&CommandError::from(err)),
            "curl http://127.0.0.1:8222/varz",
        ),
    }
}

/// Says who we are there, and whether we may do what that takes.
async fn role(bus: &Bus, report: &mut Report) {
    let check = "permissions";
    if !bus.is_guarded() {
        let is_here =
            ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| bus.url().contains(here));
        if is_here {
            report.ok(check, "NATS lets in whoever is on its machine, and permits everything");
        } else {
            let found = "NATS lets in whoever reaches it, and permits everything";
            report.warning(check, found, "phoenix nats init");
        }
        return;
    }
    let Some(role) = bus.role() else {
        report.not_looked_at(check, "what we are let in with says no role");
        return;
    };
    match bus.try_role().await {
        Ok(Some(trial)) if trial.refused.is_empty() => {
            report.ok(
                check,
                format!(
                    "the key is that of {role}, and may do what that needs: {} subjects tried",
                    trial.tried
                ),
            );
        }
        Ok(Some(trial)) => report.wrong(
            check,
            format!("the key of {role} may not use {}", trial.refused.join(", ")),
            "phoenix nats init",
        ),
        Ok(None) => {}
        Err(err) => report.warning(
            check,
            format!("the server permits to the key of {role} what nobody needs: {err}"),
            "phoenix nats init",
        ),
    }
}

/// Returns what the server says of its store, where it can be asked.
pub(super) async fn store(args: &DoctorArgs, report: &mut Report) -> Option<Store> {
    let check = "store";
    let Some(monitor) = &args.nats_monitor else {
        report.not_looked_at(
            check,
            "where NATS stores is told by its monitoring: --nats-monitor URL",
        );
        return None;
    };
    match Store::ask(monitor).await {
        Ok(Some(store)) => Some(store),
        Ok(None) => {
            report.wrong(check, "NATS has no JetStream", "phoenix nats init");
            None
        }
        Err(err) => {
            let found = format!("the monitoring of NATS does not answer at {monitor}: {err}");
            report.warning(check, found, format!("curl {monitor}/varz"));
            None
        }
    }
}

/// Returns an error with its causes.
pub(super) fn said(err: &CommandError) -> String {
    phoenix_domain::chain(err)
}

/// Returns what is typed where NATS cannot be reached.
fn remedy(err: &CommandError) -> String {
    // Where there are nodes, what runs here for a try is of no help.
    if matches!(err, CommandError::Bus(err) if matches!(**err, BusError::Unreachable { .. })) {
        return "systemctl status nats-server".to_owned();
    }
    let hints = err.hints();
    let command = hints.iter().find_map(|hint| command(hint));
    command.unwrap_or("systemctl status nats-server").to_owned()
}
