//! Whether the clocks agree: what is told later must not be older.

use chrono::TimeDelta;
use phoenix_bus::Bus;
use phoenix_setup::Host;

use super::nats::said;
use super::report::Report;
use crate::session;

const CHECK: &str = "clock";
/// Clocks that differ by more than this are not looked after.
const APART: TimeDelta = TimeDelta::seconds(2);
/// By more than this, a worker that speaks seems to be silent.
const FAR: TimeDelta = TimeDelta::seconds(15);

pub(super) async fn look(bus: Option<&Bus>, host: &Host, report: &mut Report) {
    match bus {
        Some(bus) => against_nats(bus, report).await,
        None => report.not_looked_at(CHECK, "the one of NATS cannot be asked"),
    }
    synchronised(host, report);
}

async fn against_nats(bus: &Bus, report: &mut Report) {
    let asked = session::now();
    let theirs = match bus.server_time().await {
        Ok(time) => time,
        Err(err) => return report.not_looked_at(CHECK, said(&err.into())),
    };
    apart(theirs - (asked + (session::now() - asked) / 2), report);
}

/// Says how far the clock of NATS is ahead of ours.
fn apart(ahead: TimeDelta, report: &mut Report) {
    let (found, remedy) = (
        format!(
            "the one of this machine and the one of NATS are {} ms apart",
            ahead.num_milliseconds().abs()
        ),
        "timedatectl set-ntp true",
    );
    match ahead.abs() {
        apart if apart <= APART => report.ok(CHECK, found),
        apart if apart <= FAR => report.warning(CHECK, found, remedy),
        _ => report.wrong(CHECK, found, remedy),
    }
}

fn synchronised(host: &Host, report: &mut Report) {
    let check = "time service";
    // What systemd's own service leaves behind where it runs.
    if host.exists("/run/systemd/timesync/synchronized") {
        return report.ok(check, "the clock of this machine is synchronised");
    }
    if !host.exists("/run/systemd/system") {
        return report.not_looked_at(
            check,
            "there is no systemd here that would know whether the clock is synchronised",
        );
    }
    match host.asked(&["timedatectl", "show", "--property=NTPSynchronized", "--value"]) {
        Ok(said) if said.trim() == "yes" => {
            report.ok(check, "the clock of this machine is synchronised");
        }
        Ok(_) => report.warning(
            check,
            "the clock of this machine is not synchronised",
            "timedatectl set-ntp true",
        ),
        Err(err) => report.not_looked_at(check, format!("{}: {}", err.what, err.why)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Sign;
    use super::*;

    #[test]
    fn clocks_may_be_a_little_apart_whichever_is_ahead() {
        for (seconds, sign) in
            [(1, Sign::Ok), (-1, Sign::Ok), (-5, Sign::Warning), (60, Sign::Wrong)]
        {
            let mut report = Report::default();
            apart(TimeDelta::seconds(seconds), &mut report);
            assert_eq!(report.count(sign), 1, "{seconds}: {report:?}");
        }
    }
}
