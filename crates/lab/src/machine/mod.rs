//! A real virtual machine to be thrown away: Debian's kernel and Debian's agent, and hardly anything else.
//!
//! It takes no KVM, no root and no network. What is in it is made in memory each time; its disk is the
//! seed it reads.

mod cpio;
mod kit;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_hypervisor::agent::Agent;
use phoenix_hypervisor::seed::Seed;

pub use self::kit::Kit;
use self::kit::wrap;
use crate::error::LabError;
use crate::process::{Kept, last_lines, run};

/// The memory of a machine.
const MEMORY: &str = "384";
/// How long QEMU has for an answer; it is there all the time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that runs. It is ended with its value.
#[derive(Debug)]
pub struct Machine {
    process: Kept,
    folder: PathBuf,
}

impl Machine {
    /// Starts one that reads a seed, with all its files in a folder that exists. It boots while the caller
    /// goes on: it is up when its agent answers.
    pub fn boot(kit: &Kit, seed: &Seed, folder: &Path) -> Result<Self, LabError> {
        let file = |name: &str| folder.join(name).display().to_string();
        let seeds = folder.join("seed");
        fs::create_dir_all(&seeds).map_err(wrap(&seeds))?;
        for (name, text) in [
            ("user-data", &seed.user),
            ("network-config", &seed.network),
            ("meta-data", &seed.meta),
        ] {
            let path = seeds.join(name);
            fs::write(&path, text).map_err(wrap(&path))?;
        }
        let mut words = kit.program("usr/bin/genisoimage");
        let medium = file("seed.iso");
        words.extend(
            ["-quiet", "-volid", "cidata", "-joliet", "-rock", "-output"].map(str::to_owned),
        );
        words.extend([medium.clone(), seeds.display().to_string()]);
        run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        let system = folder.join("system.cpio");
        fs::write(&system, kit.system()?).map_err(wrap(&system))?;

        let kernel = kit.kernel()?.display().to_string();
        // Where it finds its parts it would tell from where it is, and that is where its loader is.
        let modules = format!("QEMU_MODULE_DIR={}", kit.path("usr/lib/x86_64-linux-gnu/qemu"));
        let mut words = vec!["env".to_owned(), modules];
        words.extend(kit.program("usr/bin/qemu-system-x86_64"));
        let socket = |name: &str| format!("{},server=on,wait=off", file(name));
        let data = [kit.path("usr/share/qemu"), kit.path("usr/share/seabios")];
        let process = Kept::start(
            &words
                .into_iter()
                .chain(data.iter().flat_map(|folder| ["-L".to_owned(), folder.clone()]))
                .chain(
                    [
                        "-no-user-config",
                        "-nodefaults",
                        "-display",
                        "none",
                        "-machine",
                        "q35",
                        "-accel",
                        "tcg,thread=multi",
                        "-cpu",
                        "max",
                        "-smp",
                        "1",
                        "-m",
                        MEMORY,
                        "-kernel",
                        &kernel,
                        "-initrd",
                        &file("system.cpio"),
                        "-append",
                        "console=ttyS0 quiet panic=-1",
                        "-serial",
                        &format!("file:{}", file("console.log")),
                        "-drive",
                        &format!("file={medium},if=virtio,format=raw,readonly=on"),
                        "-device",
                        "virtio-serial",
                        "-chardev",
                        &format!("socket,id=agent,path={}", socket("agent.sock")),
                        "-device",
                        "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
                        "-qmp",
                        &format!("unix:{}", socket("qmp.sock")),
                        "-nic",
                        "none",
                    ]
                    .map(str::to_owned),
                )
                .collect::<Vec<_>>(),
            &folder.join("qemu.log"),
        )?;
        Ok(Self { process, folder: folder.to_owned() })
    }

    /// Returns its agent, as the host reaches it.
    pub fn agent(&self) -> Agent {
        Agent::at(self.socket())
    }

    /// Returns the socket of its agent.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("agent.sock")
    }

    /// Returns the end of what it has said so far, and of what QEMU complained about.
    pub fn said(&self) -> String {
        let end = |name: &str| {
            let said = fs::read(self.folder.join(name)).unwrap_or_default();
            last_lines(&String::from_utf8_lossy(&said), 20)
        };
        format!("{}; {}", end("console.log"), end("qemu.log"))
    }

    /// Says whether it is on.
    pub fn is_on(&mut self) -> bool {
        self.process.is_running()
    }

    /// Stops its processors: nothing in it goes on.
    pub fn stop(&self) -> Result<(), LabError> {
        self.command("stop")
    }

    /// Lets them go on.
    pub fn go_on(&self) -> Result<(), LabError> {
        self.command("cont")
    }

    /// Presses its reset button.
    pub fn reset(&self) -> Result<(), LabError> {
        self.command("system_reset")
    }

    fn command(&self, name: &str) -> Result<(), LabError> {
        let path = self.folder.join("qmp.sock");
        let stream = UnixStream::connect(&path).map_err(wrap(&path))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(wrap(&path))?;
        let mut lines = BufReader::new(stream.try_clone().map_err(wrap(&path))?).lines();
        for word in ["qmp_capabilities", name] {
            writeln!(&stream, "{{\"execute\": \"{word}\"}}").map_err(wrap(&path))?;
            loop {
                let line =
                    lines.next().unwrap_or_else(|| Err(std::io::ErrorKind::UnexpectedEof.into()));
                let line = line.map_err(wrap(&path))?;
                if line.contains("\"return\"") {
                    break;
                }
                if line.contains("\"error\"") {
                    let how = "refused".to_owned();
                    return Err(LabError::Failed { line: word.to_owned(), how, said: line });
                }
            }
        }
        Ok(())
    }
}
