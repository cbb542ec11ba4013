//! `phoenix sim`: the hands at a simulated host. No guest it speaks of is real.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use phoenix_domain::{BridgeName, GuestKey, Kind, Refused, StorageId};
use phoenix_hypervisor::HostError;
use phoenix_hypervisor::simulated::{Broken, Cure, Fault, FaultKind, Part, Sickness, admin};

/// Looks at a simulated host, and breaks it.
#[derive(Debug)]
pub struct Sim {
    /// Where it lives.
    pub sim_dir: PathBuf,
    /// What to do.
    pub verb: SimVerb,
}

/// A guest: `950`, `lxc-950` or `vm-8001`.
type Guest = GuestKey;

/// What can be done to a simulated host.
#[derive(Debug, Subcommand)]
pub enum SimVerb {
    /// Show its guests, and what is to go wrong
    Show,
    /// Show where the services of its guests answer
    Services,
    /// Show every change that was made to it
    Ledger,
    /// Make a service of a guest sick, or break what guests stand on
    Break {
        /// The guest
        #[arg(value_parser = guest, required_unless_present = "part", requires = "service")]
        guest: Option<Guest>,
        /// The service: qdrant, vllm, ollama, nginx …
        service: Option<String>,
        /// What guests stand on, instead
        #[command(flatten)]
        part: PartArgs,
        /// How it shows
        #[arg(long, value_enum, default_value_t = How::Refuse)]
        how: How,
        /// What mends it
        #[arg(long, value_enum, default_value_t = Until::Guest)]
        until: Until,
    },
    /// Mend the services of a guest, or what guests stand on
    Mend {
        /// The guest
        #[arg(value_parser = guest, required_unless_present = "part")]
        guest: Option<Guest>,
        /// What guests stand on, instead
        #[command(flatten)]
        part: PartArgs,
    },
    /// Start a guest behind everybody's back
    Start {
        /// The guest
        #[arg(value_parser = guest)]
        guest: Guest,
    },
    /// Stop a guest behind everybody's back
    Stop {
        /// The guest
        #[arg(value_parser = guest)]
        guest: Guest,
    },
    /// Remove a guest behind everybody's back
    Remove {
        /// The guest
        #[arg(value_parser = guest)]
        guest: Guest,
    },
    /// Have a change go wrong
    Fault {
        /// What goes wrong
        #[arg(value_enum)]
        trouble: Trouble,
        /// Only with this guest
        #[arg(long, value_parser = guest)]
        guest: Option<Guest>,
        /// Only with this kind of change; `look` is no change, and goes wrong while the host is looked at
        #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(admin::fault_kinds()))]
        kind: Option<String>,
        /// With which change that fits
        #[arg(long, default_value_t = 1, value_name = "N")]
        nth: u32,
        /// How often; 0 goes on until it is removed
        #[arg(long, default_value_t = 1, value_name = "N")]
        times: u32,
        /// For how long, in milliseconds, where it takes time
        #[arg(long, value_name = "MS")]
        ms: Option<u64>,
    },
    /// Show what is to go wrong
    Faults,
    /// Have something go wrong no more
    Unfault {
        /// Its number
        id: u32,
    },
}

/// A part of the host, instead of a guest.
#[derive(Clone, Debug, Args)]
#[group(id = "part", multiple = false, conflicts_with = "guest")]
pub struct PartArgs {
    /// The bridge: nobody reaches guests that have no other one
    #[arg(long, value_name = "NAME", value_parser = word::<BridgeName>)]
    bridge: Option<BridgeName>,
    /// The storage
    #[arg(long, value_name = "NAME", value_parser = word::<StorageId>)]
    storage: Option<StorageId>,
    /// The GPU
    #[arg(long, value_name = "INDEX")]
    gpu: Option<u8>,
}

impl PartArgs {
    /// Returns it, and what people call it.
    fn part(&self) -> Option<(Part, String)> {
        let bridge = |name: &BridgeName| (Part::Bridge(name.clone()), format!("bridge {name}"));
        let storage = |name: &StorageId| (Part::Storage(name.clone()), format!("storage {name}"));
        let gpu = |index: u8| (Part::Gpu(index), format!("GPU {index}"));
        let named = self.bridge.as_ref().map(bridge).or_else(|| self.storage.as_ref().map(storage));
        named.or_else(|| self.gpu.map(gpu))
    }
}

/// How a sick service shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// It takes connections and does not answer
    Hang,
    /// It does not listen
    Refuse,
    /// It answers with 503
    #[value(name = "503")]
    Unavailable,
    /// It says that it is well, and does no work
    Stall,
    /// It answers well, and what it should have is not there
    Empty,
}

/// What mends a sick service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// A restart of the service, or of its guest
    Service,
    /// A restart of its guest
    Guest,
    /// Setting up the application once more
    Application,
    /// Nothing but `mend`
    Hand,
}

impl Until {
    fn cure(self) -> Cure {
        match self {
            Self::Service => Cure::Service,
            Self::Guest => Cure::Restart,
            Self::Application => Cure::Application,
            Self::Hand => Cure::Hand,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// The change fails, and may work when tried again
    Fail,
    /// The change is refused for good
    Refuse,
    /// The change is made, and its answer is lost
    LoseAnswer,
    /// The host says done, and nothing was done
    Lie,
    /// A creation ends in its middle
    Half,
    /// The change hangs
    Hang,
    /// The change takes longer
    Slow,
    /// The guest is locked by something else
    Locked,
    /// The storage is full
    Full,
    /// The host does not answer
    Gone,
}

impl Sim {
    /// Does what was typed.
    pub fn run(&self) -> ExitCode {
        let said = self.words().map_err(|err| format!("error: {err}\nhint: {}\n", self.hint()));
        let (text, code) = match &said {
            Ok(text) => (text, ExitCode::SUCCESS),
            Err(text) => (text, ExitCode::FAILURE),
        };
        let written = match said {
            Ok(_) => io::stdout().write_all(text.as_bytes()),
            Err(_) => io::stderr().write_all(text.as_bytes()),
        };
        match written {
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            Ok(()) | Err(_) => code,
        }
    }

    fn hint(&self) -> String {
        format!(
            "`phoenix up --host simulated` makes one in phoenix-data; this one is looked for in {}",
            self.sim_dir.display()
        )
    }

    fn words(&self) -> Result<String, HostError> {
        let dir = self.sim_dir.as_path();
        Ok(match &self.verb {
            SimVerb::Show => admin::show(dir)?.to_string(),
            SimVerb::Services => {
                let mut text =
                    String::from("SIMULATION: these answer, and nothing is behind them\n");
                for (guest, services) in admin::services(dir)? {
                    for (service, url) in services {
                        line(&mut text, &format!("{guest:<10} {service:<12} {url}"));
                    }
                }
                text
            }
            SimVerb::Ledger => {
                let mut text = String::from("SIMULATION: what was done to files\n");
                for entry in admin::ledger(dir)? {
                    let mark = format!("{:?}", entry.mark).to_lowercase();
                    line(&mut text, &format!("{:<10} {mark:<7} {}", entry.guest, entry.change));
                }
                text
            }
            SimVerb::Break { guest, service, how, until, part } => {
                let mut text = String::new();
                if let Some((part, called)) = part.part() {
                    admin::break_part(dir, part)?;
                    line(&mut text, &format!("simulated: {called} is broken"));
                }
                if let (Some(guest), Some(service)) = (guest, service) {
                    let broken = Broken { how: how.sickness(), until: until.cure() };
                    admin::break_service(dir, *guest, service, broken)?;
                    line(&mut text, &format!("simulated: {service} of {guest} is sick"));
                }
                text
            }
            SimVerb::Mend { guest, part } => {
                let mut text = String::new();
                if let Some((part, called)) = part.part() {
                    admin::mend_part(dir, part)?;
                    line(&mut text, &format!("simulated: {called} is well"));
                }
                if let Some(guest) = guest {
                    admin::mend(dir, *guest, None)?;
                    line(&mut text, &format!("simulated: {guest} is well"));
                }
                text
            }
            SimVerb::Start { guest } => {
                admin::start(dir, *guest)?;
                format!("simulated: {guest} was started by somebody\n")
            }
            SimVerb::Stop { guest } => {
                admin::stop(dir, *guest)?;
                format!("simulated: {guest} was stopped by somebody\n")
            }
            SimVerb::Remove { guest } => {
                admin::remove(dir, *guest)?;
                format!("simulated: {guest} was removed by somebody\n")
            }
            SimVerb::Fault { trouble, guest, kind, nth, times, ms } => {
                let fault = Fault {
                    trouble: trouble.kind(*ms),
                    guest: *guest,
                    kind: kind.clone(),
                    nth: *nth,
                    times: (*times > 0).then_some(*times),
                };
                let id = admin::add_fault(dir, fault)?;
                format!("simulated: fault {id} waits; `phoenix sim unfault {id}` removes it\n")
            }
            SimVerb::Faults => {
                let mut text = String::from("SIMULATION: what is to go wrong\n");
                for fault in admin::list_faults(dir)? {
                    line(&mut text, &fault.to_string());
                }
                text
            }
            SimVerb::Unfault { id } if admin::remove_fault(dir, *id)? => {
                format!("simulated: fault {id} is removed\n")
            }
            SimVerb::Unfault { id } => format!("simulated: there is no fault {id}\n"),
        })
    }
}

impl How {
    fn sickness(self) -> Sickness {
        match self {
            Self::Hang => Sickness::Hang,
            Self::Refuse => Sickness::Refuse,
            Self::Unavailable => Sickness::Unavailable,
            Self::Stall => Sickness::Stall,
            Self::Empty => Sickness::Empty,
        }
    }
}

impl Trouble {
    fn kind(self, ms: Option<u64>) -> FaultKind {
        match self {
            Self::Fail => FaultKind::Fail,
            Self::Refuse => FaultKind::Refuse,
            Self::LoseAnswer => FaultKind::LoseAnswer,
            Self::Lie => FaultKind::Lie,
            Self::Half => FaultKind::Half,
            Self::Hang => FaultKind::Hang { ms },
            Self::Slow => FaultKind::Slow { ms: ms.unwrap_or(5_000) },
            Self::Locked => FaultKind::Locked { ms },
            Self::Full => FaultKind::Full,
            Self::Gone => FaultKind::Gone,
        }
    }
}

fn word<T: FromStr<Err = Refused>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

fn guest(text: &str) -> Result<GuestKey, String> {
    let typed = GuestKey::typed(text).map_err(|err| err.rule.to_owned());
    typed.map(|(kind, vmid)| GuestKey { kind: kind.unwrap_or(Kind::Container), vmid })
}

fn line(text: &mut String, line: &str) {
    // A String takes everything that is written to it.
    let _written = writeln!(text, "{line}");
}
