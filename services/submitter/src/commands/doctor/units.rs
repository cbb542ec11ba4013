//! Whether the services of this host run, and will after it was started anew.

use phoenix_setup::Host;

use super::report::Report;

const CHECK: &str = "units";
const UNITS: [&str; 3] = ["phoenix-worker", "phoenix-health-monitor", "phoenix-serve"];

pub(super) fn look(host: &Host, report: &mut Report) {
    if !host.exists("/run/systemd/system") {
        return report.not_looked_at(CHECK, "there is no systemd here");
    }
    for unit in UNITS {
        let asked = host.asked(&[
            "systemctl",
            "show",
            "--property=LoadState,UnitFileState,ActiveState,Result",
            unit,
        ]);
        match asked {
            Ok(said) => tell(unit, &said, report),
            Err(err) => report.not_looked_at(CHECK, format!("{}: {}", err.what, err.why)),
        }
    }
}

/// Says how a unit is, by what systemd says of it.
fn tell(unit: &str, said: &str, report: &mut Report) {
    let value = |key: &str| {
        let lines = said.lines().filter_map(|line| line.split_once('='));
        lines
            .into_iter()
            .find_map(|(name, value)| (name == key).then_some(value))
            .unwrap_or_default()
    };
    let (load, file, active) = (value("LoadState"), value("UnitFileState"), value("ActiveState"));
    match (load, file, active) {
        ("not-found" | "", _, _) => {
            report.not_looked_at(CHECK, format!("{unit} is not installed here"));
        }
        (_, _, "failed") => report.wrong(
            CHECK,
            format!("{unit} has failed: {}", value("Result")),
            format!("journalctl --unit {unit} --lines 50"),
        ),
        (_, "enabled" | "enabled-runtime", "active") => {
            report.ok(CHECK, format!("{unit} is enabled and active"));
        }
        (_, "enabled" | "enabled-runtime", _) => report.wrong(
            CHECK,
            format!("{unit} is enabled, and {active}"),
            format!("systemctl restart {unit}"),
        ),
        (_, _, "active") => report.warning(
            CHECK,
            format!("{unit} is active, and {file}: it is gone when this host is started anew"),
            format!("systemctl enable {unit}"),
        ),
        _ => report.warning(
            CHECK,
            format!("{unit} is installed, {file} and {active}"),
            format!("systemctl enable --now {unit}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_by_what_systemd_says_of_it() {
        let mut report = Report::default();
        for (load, file, active, result) in [
            ("loaded", "enabled", "active", "success"),
            ("loaded", "disabled", "active", "success"),
            ("loaded", "disabled", "inactive", "success"),
            ("loaded", "enabled", "activating", "success"),
            ("loaded", "enabled", "failed", "exit-code"),
            ("not-found", "", "inactive", "success"),
        ] {
            let said = format!(
                "LoadState={load}\nActiveState={active}\nUnitFileState={file}\nResult={result}\n"
            );
            tell("phoenix-serve", &said, &mut report);
        }

        insta::assert_snapshot!(report.text());
    }
}
