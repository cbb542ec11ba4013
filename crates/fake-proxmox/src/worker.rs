//! The process that does the work, in a session of its own; the program relays what it says.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::pipe::pipe_with;
use rustix::process::{Pid, Signal, getpid, kill_process_group, setsid};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::die::{Die, Outcome};
use crate::job::Job;
use crate::node::Node;
use crate::process::{self, Signals, wait};
use crate::run::{Mishap, Run};
use crate::say;
use crate::settings::Settings;

/// The first argument of the process that makes a session for itself.
pub(crate) const SESSION: &str = "--fake-pve-session";
/// The first argument of the same process, once it bears the name of its task.
pub(crate) const TASK: &str = "--fake-pve-task";
/// How many times a signal asks before it kills.
const PATIENCE: usize = 3;

/// What a worker gets told.
#[derive(Deserialize, Serialize)]
struct Orders {
    root: PathBuf,
    program: String,
    starter: i32,
    mishap: Option<Mishap>,
    read: BTreeMap<u32, String>,
    task: String,
    job: Job,
}

impl Run {
    /// Has a worker do the job; whether it failed was said already.
    pub(crate) fn work(&self, kind: &str, id: &str, job: Job) -> Outcome<bool> {
        let orders = Orders {
            root: self.node.root().to_owned(),
            program: self.program.clone(),
            starter: self.starter,
            mishap: self.mishap.get(),
            read: self.read.borrow().clone(),
            task: format!("{kind}:{id}"),
            job,
        };
        let close = rustix::pipe::PipeFlags::CLOEXEC;
        let (said, saying) = pipe_with(close)?;
        let (verdict, judging) = pipe_with(close)?;
        let signals = Signals::catch()?;
        let mut command = process::program(std::env::current_exe()?);
        command.arg0(&self.program).arg(SESSION).arg(serde_json::to_string(&orders)?);
        // The worker reads nothing, so the verdict goes back where its input would come from.
        command.stdin(Stdio::from(judging));
        command.stdout(Stdio::from(saying.try_clone()?)).stderr(Stdio::from(saying));
        let mut child = command.spawn()?;
        drop(command);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let told = listen(&said, verdict, &signals, pid);
        if let Some(pid) = pid {
            kill_process_group(pid, Signal::KILL).ok();
        }
        child.wait()?;
        match told {
            Ok(failed) => Ok(failed),
            Err(die) => {
                say::err(&format!("{}\n", die.text().replace('\n', " ")));
                Ok(true)
            }
        }
    }
}

/// Relays what the worker says until it is silent; returns whether it failed.
fn listen(
    said: &OwnedFd,
    verdict: OwnedFd,
    signals: &Signals,
    worker: Option<Pid>,
) -> Outcome<bool> {
    let mut asked = 0;
    let mut bytes = [0; 8192];
    loop {
        let ready = wait(&[said.as_fd(), signals.fd()], None)?;
        for _ in 0..signals.come() {
            let signal = if asked < PATIENCE { Signal::TERM } else { Signal::KILL };
            asked += 1;
            if let Some(worker) = worker {
                kill_process_group(worker, signal).ok();
            }
        }
        if !ready.first().copied().unwrap_or(false) {
            continue;
        }
        let read = match rustix::io::read(said, &mut bytes) {
            Err(rustix::io::Errno::INTR) => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        say::write(rustix::stdio::stdout(), bytes.get(..read).unwrap_or_default())
            .map_err(|_| Die::new("broken pipe"))?;
    }
    let mut text = String::new();
    std::fs::File::from(verdict).read_to_string(&mut text)?;
    if text.starts_with("TASK OK") {
        return Ok(false);
    }
    if let Some(why) = text.strip_prefix("TASK ERROR: ") {
        say::err(&format!("{}\n", why.trim_end_matches('\n')));
        return Ok(true);
    }
    if let Some(count) = text.strip_prefix("TASK WARNINGS: ") {
        say::err(&format!("Task finished with {} warning(s)!\n", count.trim_end()));
        return Ok(false);
    }
    Err(Die::new(format!("got unexpected control message: {text}")))
}

/// Leaves the session of the program and takes the name of the task.
pub(crate) fn leave(orders: &str) -> Outcome<()> {
    setsid()?;
    let told: Orders = serde_json::from_str(orders)?;
    let settings: Settings = Node::new(&told.root).read_json("settings.json")?.unwrap_or_default();
    let pid = getpid().as_raw_nonzero().get();
    let name = format!(
        "task UPID:{}:{pid:08X}:{:08X}:{:08X}:{}:root@pam:",
        settings.node,
        clock::since_boot() / 10,
        clock::wall() / 1000,
        told.task
    );
    let mut command = process::program(std::env::current_exe()?);
    Err(command.arg0(name).arg(TASK).arg(orders).exec().into())
}

/// Does the job and gives the verdict.
pub(crate) fn toil(orders: &str) -> Outcome<()> {
    say::in_a_worker();
    let orders: Orders = serde_json::from_str(orders)?;
    let node = Node::new(&orders.root);
    let settings = node.read_json("settings.json")?.unwrap_or_default();
    let mut run = Run::new(node, settings, &orders.program);
    run.starter = orders.starter;
    run.mishap.set(orders.mishap);
    run.read.replace(orders.read);
    run.signals = Some(Signals::catch()?);
    let verdict = match orders.job.run(&run) {
        Ok(()) if run.warnings.get() > 0 => format!("TASK WARNINGS: {}\n", run.warnings.get()),
        Ok(()) => "TASK OK\n".to_owned(),
        Err(die) => {
            let text = die.text();
            let text = text.strip_suffix('\n').unwrap_or(&text);
            format!("TASK ERROR: {}\n", text.replace('\n', " "))
        }
    };
    say::write(rustix::stdio::stdin(), verdict.as_bytes()).ok();
    Ok(())
}
