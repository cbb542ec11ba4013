//! What is given to be typed, as it has to be typed to reach the server that this monitor is at.

use phoenix_domain::health::Incident;

/// Returns an incident whose commands have these options.
pub(super) fn typed(mut incident: Incident, options: &str) -> Incident {
    for command in &mut incident.commands {
        if command.line.starts_with("phoenix ") {
            command.line.push_str(options);
        }
    }
    incident
}

#[cfg(test)]
mod tests {
    use phoenix_domain::health::{Command, Danger};

    use super::*;
    use crate::channels::trial;

    #[test]
    fn what_is_typed_on_a_host_has_no_options_of_ours() {
        let (source, at) = ("//test", chrono::DateTime::UNIX_EPOCH);
        let mut incident = trial::news(source, "test", at).incident;
        let command = |line: &str| Command {
            label: "look".to_owned(),
            line: line.to_owned(),
            danger: Danger::Read,
        };
        incident.commands = ["phoenix health", "ssh pve1 lsblk"].map(command).to_vec();

        let typed = typed(incident, " --cell lab");

        let lines: Vec<_> = typed.commands.iter().map(|command| &*command.line).collect();
        assert_eq!(lines, ["phoenix health --cell lab", "ssh pve1 lsblk"]);
    }
}
