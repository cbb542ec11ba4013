//! What a worker can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_domain::NodeName;
use phoenix_secrets::SecretsArgs;
use phoenix_service::LogArgs;

/// What a worker can be told.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The kind of host the guests live on
    #[arg(long, value_enum, env = "PHOENIX_HOST", value_name = "KIND")]
    pub host: HostKind,
    /// The name of the host, as guests name it
    #[arg(long, env = "PHOENIX_NODE", value_name = "NAME", value_parser = node)]
    pub node: NodeName,
    /// Where NATS is
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Where the monitoring of NATS answers: it tells whether an acknowledgement is worth anything
    #[arg(long, env = "PHOENIX_NATS_MONITOR", value_name = "URL")]
    pub nats_monitor: Option<String>,
    /// What an acknowledgement of NATS is worth, where it cannot be asked
    #[arg(long, value_enum, value_name = "WORTH", conflicts_with = "nats_monitor")]
    pub durability: Option<Vouched>,
    /// Go on although a power failure may lose accepted jobs
    #[arg(long)]
    pub accept_data_loss: bool,
    /// Where locks are held; it must not survive a reboot
    #[arg(long, default_value = "/run/phoenix", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
    /// Where notes are kept that survive a reboot
    #[arg(long, default_value = "/var/lib/phoenix", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: PathBuf,
    /// Where the simulated host lives; only with --host simulated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub sim_dir: Option<PathBuf>,
    /// How long the changes of a simulated host take, where it is made anew
    #[arg(long, value_enum, default_value_t = Pace::Natural, value_name = "PACE")]
    pub sim_pace: Pace,
    /// The network namespace that bridges are in, where it is not the machine's own; only with --host
    /// lxc
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub netns: Option<PathBuf>,
    /// A folder with features, for real hosts. May be given again, the first that has one wins
    #[arg(long = "features", value_name = "DIR", value_hint = ValueHint::DirPath,
          default_values = ["/etc/phoenix/features", "/usr/share/phoenix/features"])]
    pub features: Vec<PathBuf>,
    /// A folder with application scripts, for real hosts
    #[arg(long = "scripts", value_name = "DIR", value_hint = ValueHint::DirPath,
          default_values = ["/etc/phoenix/scripts", "/usr/local/phoenix_hypervisor/bin"])]
    pub scripts: Vec<PathBuf>,
    /// A folder with the scripts of tests, for real hosts
    #[arg(long = "tests", value_name = "DIR", value_hint = ValueHint::DirPath,
          default_values = ["/etc/phoenix/tests", "/usr/local/phoenix_hypervisor/bin/tests"])]
    pub tests: Vec<PathBuf>,
    /// A folder with AppArmor profiles; only with --host proxmox
    #[arg(long = "profiles", value_name = "DIR", value_hint = ValueHint::DirPath,
          default_values = ["/etc/phoenix/apparmor", "/usr/local/phoenix_hypervisor/etc/apparmor"])]
    pub profiles: Vec<PathBuf>,
    /// Where it has its secrets
    #[command(flatten)]
    pub secrets: SecretsArgs,
    /// The folder below which the node has everything: that of `phoenix sim pve init`, to try things
    #[arg(long, default_value = "/", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub host_root: PathBuf,
    /// How many guests are worked on at once
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub slots: usize,
    /// How many clones are made at once on one storage
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub clones: usize,
    /// How often a guest is tried before it is given up
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub attempts: u32,
    /// How long to wait before the second attempt, in milliseconds; each later wait is twice as long
    #[arg(long, default_value = "5000", value_name = "MS", value_parser = millis)]
    pub retry_after: Duration,
    /// How often guests that nobody works on are compared with what they should be: `15m`, `90s`,
    /// `500ms`; 0 is never
    #[arg(long, default_value = "15m", value_name = "DURATION", value_parser = duration)]
    pub drift_every: Duration,
    /// How long a worker may be silent before its guests are given to another, in milliseconds
    #[arg(long, default_value = "15000", value_name = "MS", value_parser = millis, hide = true)]
    pub ack_wait: Duration,
    /// Where to write the number of this process once the streams are there and work is taken
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide = true)]
    pub ready_file: Option<PathBuf>,
    /// What is logged, and how
    #[command(flatten)]
    pub log: LogArgs,
}

impl Settings {
    /// Returns the same with paths that hold wherever this process, or one it starts, is.
    pub(crate) fn wherever_we_are(mut self) -> Self {
        let paths = [&mut self.run_dir, &mut self.state_dir, &mut self.host_root];
        let folders = [&mut self.features, &mut self.scripts, &mut self.tests, &mut self.profiles];
        let optional = [&mut self.sim_dir, &mut self.netns].into_iter().flatten();
        let optional = optional.chain(self.nats.files_mut());
        for path in paths.into_iter().chain(folders.into_iter().flatten()).chain(optional) {
            // Where there is no current folder, what is said is all there is.
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        self
    }
}

/// The kinds of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostKind {
    /// A simulation on disk: no guest is real
    Simulated,
    /// A Proxmox VE node, this one: containers by pct
    Proxmox,
    /// This machine, without Proxmox: containers by plain LXC
    Lxc,
    /// Nothing at all, for measuring
    #[value(hide = true)]
    Idle,
}

/// How long the changes of a simulated host take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    /// Seconds, so that they can be watched
    Natural,
    /// As little as possible
    Instant,
}

/// What somebody vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Vouched {
    /// It is on disk: `sync_interval: always`
    Always,
    /// Three servers have it
    Replicated,
}

fn node(text: &str) -> Result<NodeName, String> {
    text.parse().map_err(|err: phoenix_domain::Refused| err.rule.to_owned())
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let each = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number == "0" => 0,
        _ => return Err("a duration is written as `15m`, `90s` or `500ms`; 0 is never".to_owned()),
    };
    let number: u64 = number.parse().map_err(|err: std::num::ParseIntError| err.to_string())?;
    Ok(Duration::from_millis(number.saturating_mul(each)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_unless_it_is_none_at_all() {
        for (text, millis) in [("15m", 900_000), ("90s", 90_000), ("500ms", 500), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "15", "m", "-1s", "1.5h", "1d", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
