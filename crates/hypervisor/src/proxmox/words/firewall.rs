//! `/etc/pve/firewall/ID.fw`: the firewall of a guest.

use std::fmt::Write as _;

use phoenix_domain::{Firewall, FirewallAction, FirewallRule, TrafficDirection};

/// Returns the text of the file.
pub(crate) fn write(firewall: &Firewall) -> String {
    let mut text = String::from("[OPTIONS]\n\n");
    // A String takes everything that is written to it.
    let _written = writeln!(text, "enable: {}", u8::from(firewall.enabled));
    if firewall.rules.is_empty() {
        return text;
    }
    text.push_str("\n[RULES]\n\n");
    for rule in &firewall.rules {
        let direction = match rule.direction {
            TrafficDirection::In => "IN",
            TrafficDirection::Out => "OUT",
        };
        let action = match rule.action {
            FirewallAction::Accept => "ACCEPT",
            FirewallAction::Drop => "DROP",
            FirewallAction::Reject => "REJECT",
        };
        let _written = write!(text, "{direction} {action}");
        for (option, value) in [
            ("-i", &rule.iface),
            ("-source", &rule.source),
            ("-dest", &rule.dest),
            ("-p", &rule.proto),
            ("-dport", &rule.port),
        ] {
            if let Some(value) = value {
                let _written = write!(text, " {option} {value}");
            }
        }
        if let Some(comment) = &rule.comment {
            let _written = write!(text, " # {comment}");
        }
        text.push('\n');
    }
    text
}

/// Reads the file; what it says besides (`log`, `policy_in`, groups, rules that are off) makes it
/// another firewall than any that can be asked for.
pub(crate) fn read(text: &str) -> Firewall {
    let mut firewall = Firewall::default();
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        match (section, line.split_once(':')) {
            ("OPTIONS", Some(("enable", value))) => firewall.enabled = value.trim() == "1",
            ("RULES", _) => firewall.rules.push(rule(line).unwrap_or_else(|| odd(line))),
            (_, _) => firewall.rules.push(odd(line)),
        }
    }
    firewall
}

fn rule(line: &str) -> Option<FirewallRule> {
    let (line, comment) = match line.split_once(" # ") {
        Some((rule, comment)) => (rule, Some(comment.trim().into())),
        None => (line, None),
    };
    let mut words = line.split_whitespace();
    let direction = match words.next()? {
        "IN" => TrafficDirection::In,
        "OUT" => TrafficDirection::Out,
        _ => return None,
    };
    let action = match words.next()? {
        "ACCEPT" => FirewallAction::Accept,
        "DROP" => FirewallAction::Drop,
        "REJECT" => FirewallAction::Reject,
        _ => return None,
    };
    let mut rule = FirewallRule {
        direction,
        action,
        source: None,
        dest: None,
        proto: None,
        port: None,
        iface: None,
        comment,
    };
    while let Some(option) = words.next() {
        let value = Some(words.next()?.into());
        match option {
            "-i" | "-iface" | "--iface" => rule.iface = value,
            "-source" | "--source" => rule.source = value,
            "-dest" | "--dest" => rule.dest = value,
            "-p" | "-proto" | "--proto" => rule.proto = value,
            "-dport" | "--dport" => rule.port = value,
            _ => return None,
        }
    }
    Some(rule)
}

/// Returns what stands for a line there is no word for. No rule that is asked for has this comment.
fn odd(line: &str) -> FirewallRule {
    FirewallRule {
        direction: TrafficDirection::In,
        action: FirewallAction::Drop,
        source: None,
        dest: None,
        proto: None,
        port: None,
        iface: None,
        comment: Some(format!("\n{line}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let rule = |source: Option<&str>, comment: Option<&str>| FirewallRule {
            direction: TrafficDirection::In,
            action: FirewallAction::Accept,
            source: source.map(Into::into),
            dest: None,
            proto: Some("tcp".into()),
            port: Some("8000".into()),
            iface: Some("net0".into()),
            comment: comment.map(Into::into),
        };
        for firewall in [
            Firewall::default(),
            Firewall { enabled: true, rules: Vec::new() },
            Firewall {
                enabled: true,
                rules: vec![rule(Some("10.0.0.153"), None), rule(None, Some("for # all"))],
            },
        ] {
            assert_eq!(read(&write(&firewall)), firewall);
        }
    }

    #[test]
    fn what_there_is_no_word_for_is_a_difference() {
        let text = "[OPTIONS]\n\nenable: 1\n";
        let plain = read(text);
        for more in ["policy_in: ACCEPT\n", "\n[RULES]\n\n|IN ACCEPT\n", "\n[RULES]\nGROUP web\n"] {
            assert_ne!(read(&format!("{text}{more}")), plain, "{more}");
        }
    }
}
