//! What is done in a container, and what was done there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::{Check, FeatureName, GuestSpec, Health};
use tokio::time::{Instant, sleep};

use crate::command::{Command, Ended};
use crate::kernel::{self, Init, Inside};
use crate::library::{Library, Recipe, Surroundings, quoted};
use crate::{Hand, HostError, gateway};

/// Where a guest keeps what was done in it: a clone inherits it, and a rollback undoes it.
const RECEIPTS: &str = "/var/lib/phoenix/receipts";
/// How long a receipt may be.
const RECEIPT: u64 = 256;
/// How long the installation of a feature, or an application script, may take.
const LONG: Duration = Duration::from_hours(2);
/// How long a guest has for getting its addresses.
const NETWORK: Duration = Duration::from_mins(1);
/// How often the check of a feature may fail: a service that was just started takes its time.
const AGAIN: u32 = 12;
/// How long it may take each time, and how long the pause after it is, in seconds.
const CHECKED: u64 = 10;
const PAUSE: u64 = 5;
/// What a script ends with that can never do what it is for.
const NEVER: i32 = 78;
/// How often its addresses are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What everything in a guest begins with: nothing of the environment of the host is there.
macro_rules! in_guest {
    ($script:literal) => {
        concat!(
            "set -u; export HOME=/root LANG=C.UTF-8 \
             PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; ",
            $script
        )
    };
}

/// Unpacks what comes through stdin, and runs what is in it. Nothing of it stays.
///
/// A system that is still booting empties its /tmp, and gives answers that are not true a second
/// later. So the end of that is waited for before anything is unpacked; what is going to boot is
/// known by its init, as the first process is not yet what it will be.
const UNPACK: &str = in_guest!(
    "set -e; umask 077; n=0; \
     case $(readlink /sbin/init 2>/dev/null) in *systemd) \
     while [ $n -lt 600 ]; do \
     case $(systemctl is-system-running 2>/dev/null) in running|degraded|maintenance) break ;; esac; \
     n=$((n+1)); sleep 0.2; done ;; esac; \
     mkdir -p /tmp; d=$(mktemp -d /tmp/phoenix.XXXXXX); \
     trap 'rm -rf \"$d\"' EXIT; tar -xf - -C \"$d\"; cd \"$d\"; sh ./run </dev/null"
);
/// Runs what comes through stdin.
const CHECK: &str = in_guest!("exec sh -s");

/// A container, as one gets into it.
pub(crate) struct Room<'r> {
    /// What is wanted of it.
    pub(crate) want: &'r GuestSpec,
    /// Where the process file system is.
    pub(crate) proc: PathBuf,
    /// Finds its init, if it runs.
    pub(crate) init: Box<dyn Fn() -> Option<Init> + Send + Sync + 'r>,
    /// Begins the command that runs something in it: the program and its arguments follow.
    pub(crate) attach: Box<dyn Fn(Duration) -> Command + Send + Sync + 'r>,
}

/// Says whether a receipt says that this version was run.
fn has_receipt(inside: &Inside, recipe: &Recipe) -> Result<bool, HostError> {
    let path = format!("{RECEIPTS}/{}", recipe.receipt);
    let receipt = inside.text(&path, RECEIPT).map_err(|err| HostError::Unreachable { err })?;
    Ok(match receipt {
        Some(receipt) => receipt.trim_end() == recipe.digest()?,
        None => false,
    })
}

/// Looks into a container that runs; nothing where it has ended since it was found.
pub(crate) fn look(
    proc: &Path,
    init: &Init,
    want: &GuestSpec,
    library: &Library,
    is_healthy: bool,
) -> Result<Option<phoenix_domain::Inside>, HostError> {
    let root = match Inside::open(proc, init) {
        Ok(root) => root,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(HostError::Unreachable { err }),
    };
    let mut features = BTreeSet::new();
    for feature in &want.features {
        // Without a recipe nothing can be compared; whoever has to install it says so.
        let Ok(recipe) = library.feature(proc, want, feature) else { continue };
        if has_receipt(&root, &recipe)? {
            features.insert(feature.clone());
        }
    }
    let mut application = None;
    if let Some(script) = &want.application_script
        && let Ok(recipe) = library.script(script)
        && has_receipt(&root, &recipe)?
    {
        application = Some(script.clone());
    }
    let health = if is_healthy {
        Health::Healthy
    } else {
        Health::Ailing("it was not checked since it was started".to_owned())
    };
    // A container needs no agent: it is entered through the kernel.
    Ok(Some(phoenix_domain::Inside { features, application, agent_answers: true, health }))
}

impl Room<'_> {
    /// Brings a recipe into the guest and runs it there: one process, whatever it is made of.
    pub(crate) async fn run(&self, recipe: &Recipe, hand: &Hand) -> Result<(), HostError> {
        self.network().await?;
        let (spec, script) = (self.spec()?, self.script(recipe)?);
        let texts = [("guest.json", &*spec), ("parameters", &recipe.parameters), ("run", &*script)];
        let archive = recipe.archive(&texts)?;
        let what = format!("{} in {}", recipe.name, self.want.vmid);
        let ended = self.shell(UNPACK, LONG).purpose(&what).stdin(&archive)?.run(hand).await?;
        judge(what, ended)
    }

    fn spec(&self) -> Result<String, HostError> {
        serde_json::to_string(self.want).map_err(|err| HostError::Unreadable {
            what: "the spec of the guest".to_owned(),
            why: err.to_string(),
        })
    }

    /// Returns what every script of ours finds in its environment; `$PWD` is the folder that
    /// everything was unpacked in.
    fn environment(&self) -> String {
        let GuestSpec { vmid, name, features, .. } = self.want;
        let mut text = format!(
            "export PHOENIX_GUEST={vmid} PHOENIX_NAME={name} PHOENIX_KIND=container \
             PHOENIX_SPEC=\"$PWD/guest.json\" PHOENIX_SECRETS=\"$PWD/secrets\"\n\
             mkdir -p \"$PWD/secrets\"\n"
        );
        let surroundings = Surroundings::of(&self.proc, self.want);
        for (variable, value) in surroundings.said() {
            let _written = writeln!(text, "export {variable}={}", quoted(value));
        }
        // What it was cloned with comes first, as it was installed first.
        let own: Vec<_> = features.iter().map(ToString::to_string).collect();
        let _written = write!(
            text,
            "PHOENIX_FEATURES=\n\
             for one in $(ls -tr {RECEIPTS} 2>/dev/null); do\n\
             \tcase $one in *.*) ;; feature-*) PHOENIX_FEATURES=\"$PHOENIX_FEATURES ${{one#feature-}}\" ;; esac\n\
             done\n\
             for one in {own}; do\n\
             \tcase \"$PHOENIX_FEATURES \" in *\" $one \"*) ;; *) PHOENIX_FEATURES=\"$PHOENIX_FEATURES $one\" ;; esac\n\
             done\n\
             export PHOENIX_FEATURES=\"${{PHOENIX_FEATURES# }}\"\n",
            own = own.join(" "),
        );
        text
    }

    /// Returns what is run: the recipe, and then the receipt that it was.
    fn script(&self, recipe: &Recipe) -> Result<String, HostError> {
        let (digest, receipt, entry) = (recipe.digest()?, &recipe.receipt, &recipe.entry);
        let (vmid, environment) = (self.want.vmid, self.environment());
        let asks_where = format!("{}=\"$PWD/{}\"", gateway::VARIABLE, gateway::FOLDER);
        Ok(format!(
            "set -eu\n\
             {environment}\
             export PHOENIX_LIB=\"$PWD/lib\" PHOENIX_PARAMETERS=\"$PWD/parameters\" {asks_where}\n\
             chmod +x './{entry}'\n\
             ( umask 022; cd \"$(dirname './{entry}')\" && ./\"$(basename '{entry}')\" {vmid} )\n\
             mkdir -p {RECEIPTS}\n\
             cp parameters {RECEIPTS}/{receipt}.parameters\n\
             echo {digest} > {RECEIPTS}/.{receipt}.new\n\
             sync\n\
             mv {RECEIPTS}/.{receipt}.new {RECEIPTS}/{receipt}\n"
        ))
    }

    /// Waits until it runs, has its addresses, and both its features and its own checks say that
    /// what it offers works.
    pub(crate) async fn await_health(
        &self,
        library: &Library,
        hand: &Hand,
    ) -> Result<(), HostError> {
        self.network().await?;
        self.check_features(library, AGAIN, hand).await?;
        let checks = &self.want.checks;
        if checks.is_empty() {
            return Ok(());
        }
        let what = format!("the health check of {}", self.want.vmid);
        let seconds: u64 = checks
            .iter()
            .map(|check| u64::from(check.retries) * (u64::from(check.interval) + 60))
            .sum();
        let checks: String = checks.iter().map(check).collect();
        let ended = self
            .shell(CHECK, Duration::from_secs(seconds + 60))
            .purpose(&what)
            .stdin(checks.as_bytes())?
            .run(hand)
            .await?;
        judge(what, ended)
    }

    /// Runs the checks of all features that are in it, those it was cloned with included; each may
    /// fail all but that often.
    pub(crate) async fn check_features(
        &self,
        library: &Library,
        tries: u32,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let mut features = self.installed()?;
        features.extend(self.want.features.iter().cloned());
        let features: Vec<_> = BTreeSet::from_iter(features).into_iter().collect();
        let (checked, _) = library.checks(&features, &[])?;
        if checked.is_empty() {
            return Ok(());
        }
        let mut script = format!("set -u\n{}", self.environment());
        for feature in &checked {
            let _written = write!(
                script,
                "n=0\nuntil ( cd {feature}/feature && PHOENIX_LIB=\"$PWD/../lib\" \
                 PHOENIX_PARAMETERS={RECEIPTS}/feature-{feature}.parameters \
                 timeout {CHECKED} sh ./check.sh ) 2>said\ndo\n\
                 \tn=$((n+1))\n\tif [ $n -ge {tries} ]; then\n\
                 \t\techo \"{feature}: $(cat said)\" >&2\n\t\texit 1\n\tfi\n\tsleep {PAUSE}\ndone\n"
            );
        }
        let spec = self.spec()?;
        let (_, archive) = library.checks(&features, &[("guest.json", &spec), ("run", &script)])?;
        let each = u64::from(tries) * (CHECKED + PAUSE);
        let all = u64::try_from(checked.len()).unwrap_or(1) * each;
        let what = format!("the check of the features of {}", self.want.vmid);
        let ended = self
            .shell(UNPACK, Duration::from_secs(all + 60))
            .purpose(&what)
            .stdin(&archive)?
            .run(hand)
            .await?;
        judge(what, ended)
    }

    /// Returns the features that have left a receipt in it.
    fn installed(&self) -> Result<Vec<FeatureName>, HostError> {
        let Some(init) = (self.init)() else { return Ok(Vec::new()) };
        let names = Inside::open(&self.proc, &init).and_then(|root| root.names(RECEIPTS));
        let names = names.map_err(|err| HostError::Unreachable { err })?;
        Ok(names.iter().filter_map(|name| name.strip_prefix("feature-")?.parse().ok()).collect())
    }

    /// Waits until it has an address, where it is to have one.
    async fn network(&self) -> Result<(), HostError> {
        if self.want.nics.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            if (self.init)().is_some_and(|init| !kernel::addresses(&self.proc, &init).is_empty()) {
                return Ok(());
            }
            if begun.elapsed() >= NETWORK {
                return Err(HostError::Failed {
                    what: format!("waiting for an address of {}", self.want.vmid),
                    why: "it has none; see whether its bridge leads to a DHCP server".to_owned(),
                    output: String::new(),
                });
            }
            sleep(LOOK).await;
        }
    }

    /// Returns the process that has the container's own shell run something.
    fn shell(&self, script: &str, limit: Duration) -> Command {
        (self.attach)(limit).plain("/bin/sh").plain("-c").plain(script)
    }
}

/// Turns how a script ended into what is to be done about it.
fn judge(what: String, Ended { status, stdout, stderr }: Ended) -> Result<(), HostError> {
    if status.success() {
        return Ok(());
    }
    // What went wrong is what was said last, and errors are said on stderr.
    let last = |text: &str| text.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned);
    let last = last(&stderr).or_else(|| last(&stdout));
    let output = format!("{stdout}{stderr}");
    if status.code() == Some(NEVER) {
        let why = last.unwrap_or_else(|| format!("it ended with {status}, and says nothing"));
        return Err(HostError::Refused { what, why, output });
    }
    let why = match last {
        Some(last) => format!("{last} ({status})"),
        None => format!("it ended with {status}, and says nothing"),
    };
    Err(HostError::Failed { what, why, output })
}

fn check(check: &Check) -> String {
    let Check { command, retries, interval, .. } = check;
    format!(
        "n=0\nuntil ( {command}\n) </dev/null\ndo\n\tn=$((n+1))\n\
         \tif [ $n -ge {retries} ]; then echo \"failed {retries} times: {quoted}\" >&2; exit 1; fi\n\
         \tsleep {interval}\ndone\n",
        quoted = command.replace(['"', '`', '$', '\\', '\n'], " "),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use phoenix_domain::Verdict;

    use super::*;

    fn told(code: i32, stdout: &str, stderr: &str) -> Result<(), HostError> {
        let status = ExitStatus::from_raw(code << 8);
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        judge("the feature redis in 950".to_owned(), Ended { status, stdout, stderr })
    }

    #[test]
    fn a_script_says_by_its_exit_code_whether_another_attempt_makes_sense() {
        told(0, "installed\n", "a warning\n").unwrap();
        for (code, verdict) in [(75, Verdict::Retry), (1, Verdict::Retry), (78, Verdict::AskHuman)]
        {
            let err = told(code, "began\n", "first\nthe reason\n\n").unwrap_err();
            assert_eq!(err.verdict(), verdict, "{code}");
            assert!(err.to_string().contains("the reason"), "{err}");
            assert!(err.output().unwrap().contains("began"));
        }
    }
}
