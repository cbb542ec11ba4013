//! What is done in a guest: one bundle, unpacked and run by its own shell.

mod clean;
mod look;
mod receipt;
mod serving;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use phoenix_domain::{Check, FileName, GuestSpec, Kind};
use tokio::time::{Instant, sleep};

use self::receipt::{RECEIPTS, Receipt};
use self::way::Errand;
use crate::command::Ended;
use crate::library::{self, Library, Surroundings, quoted};
use crate::recipe::{Recipe, RecipeFile, pack};
use crate::vault::Opened;
use crate::veil::Veil;
use crate::{Depth, Hand, HostError, Inspected, Tested, gateway};

pub(crate) use self::look::{Looking, Receipts};
pub(crate) use self::way::Way;

/// How long the installation of a feature, or an application script, may take.
const LONG: Duration = Duration::from_hours(2);
/// How long a test may take.
const TEST: Duration = Duration::from_mins(30);
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

/// What everything in a guest begins with: nothing of the environment of the host is there, nor the
/// locks. Those are held by who waits for it outside; a service that a script leaves behind would hold
/// them for as long as it runs.
macro_rules! in_guest {
    ($script:literal) => {
        concat!(
            "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; set -u; export HOME=/root LANG=C.UTF-8 \
             PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; ",
            $script
        )
    };
}

/// Unpacks what comes through stdin, and runs what is in it. Nothing of it stays, nor of one that was
/// killed before it could clean up.
///
/// A system that is still booting empties its /tmp, and gives answers that are not true a second
/// later. So the end of that is waited for before anything is unpacked; what is going to boot is
/// known by its init, as the first process is not yet what it will be.
///
/// Secrets are unpacked into memory: their folder is a link to one on a tmpfs. Where the guest has
/// none, the link leads nowhere, and what asks for them says so.
const UNPACK: &str = in_guest!(
    "set -e; umask 077; n=0; \
     case $(readlink /sbin/init 2>/dev/null) in *systemd) \
     while [ $n -lt 600 ]; do \
     case $(systemctl is-system-running 2>/dev/null) in running|degraded|maintenance) break ;; esac; \
     n=$((n+1)); sleep 0.2; done ;; esac; \
     m=; while read -r a p t b; do \
     case $p:$t in /dev/shm:tmpfs|/run:tmpfs|/dev:tmpfs) m=$p ;; esac; \
     [ \"$m\" != /dev/shm ] || break; done </proc/mounts; \
     mkdir -p /tmp; for a in /tmp /dev/shm /run /dev; do rm -rf $a/phoenix-run.*; done; \
     s=/proc/none; d=$(mktemp -d /tmp/phoenix-run.XXXXXX); \
     trap 'rm -rf \"$d\" \"$s\"' EXIT; \
     [ -z \"$m\" ] || s=$(mktemp -d \"$m/phoenix-run.XXXXXX\"); ln -s \"$s\" \"$d/secrets\"; \
     tar -xf - -C \"$d\" || [ -z \"$m\" ]; cd \"$d\"; sh ./run </dev/null"
);
/// Runs what comes through stdin.
const CHECK: &str = in_guest!("exec sh -s");

/// A guest, as one gets into it.
pub(crate) struct Room<'r> {
    /// What is wanted of it.
    pub(crate) want: &'r GuestSpec,
    /// What is brought into it.
    pub(crate) library: &'r Library,
    /// Where the process file system is.
    pub(crate) proc: PathBuf,
    /// How to get into it.
    pub(crate) way: Way<'r>,
}

impl Room<'_> {
    /// Brings a recipe into the guest and runs it there: one process, whatever it is made of.
    pub(crate) async fn run(&self, recipe: &Recipe, hand: &Hand) -> Result<(), HostError> {
        let secrets = self.library.open(&recipe.secrets).await?;
        self.network().await?;
        let (spec, script) = (self.spec()?, self.script(recipe, &secrets));
        let texts = [("guest.json", &*spec), ("parameters", &recipe.parameters), ("run", &*script)];
        let what = format!("{} in {}", recipe.name, self.want.vmid);
        self.unpack(what, LONG, &recipe.bundle(), &texts, &secrets, hand).await
    }

    /// Runs a test in the guest, and says how it went.
    pub(crate) async fn test(&self, test: &FileName, hand: &Hand) -> Result<Tested, HostError> {
        let files = self.library.test(test)?;
        if !self.way.is_open().await {
            let what = format!("the test {test}");
            let why = format!("{} does not run", self.want.vmid);
            return Err(HostError::Failed { what, why, output: String::new() });
        }
        let secrets = self.library.open(&self.want.secrets).await?;
        let (entry, vmid) = (library::entry(test), self.want.vmid);
        let script = format!(
            "set -u\n{}chmod +x './{entry}'\ncd script && exec ./\"$(basename '{entry}')\" {vmid}\n",
            self.environment(&secrets)
        );
        let texts = [("guest.json", &*self.spec()?), ("run", &*script)];
        let what = format!("the test {test} in {vmid}");
        let ended = self.unpacked(&what, TEST, &files, &texts, &secrets, hand).await?;
        let passed = ended.status.success();
        Ok(Tested { passed, output: format!("{}{}", ended.stdout, ended.stderr) })
    }

    /// Unpacks a bundle in the guest, runs what it has to be run, and judges how that ended.
    async fn unpack(
        &self,
        what: String,
        limit: Duration,
        files: &[RecipeFile],
        texts: &[(&str, &str)],
        secrets: &Opened,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let ended = self.unpacked(&what, limit, files, texts, secrets, hand).await?;
        judge(what, ended)
    }

    async fn unpacked(
        &self,
        what: &str,
        limit: Duration,
        files: &[RecipeFile],
        texts: &[(&str, &str)],
        secrets: &Opened,
        hand: &Hand,
    ) -> Result<Ended, HostError> {
        let (script, veil) = (UNPACK, Veil::of(secrets));
        let input = &pack(files, texts, secrets)?;
        self.way.run(Errand { what, script, input, limit, veil }, hand).await
    }

    fn spec(&self) -> Result<String, HostError> {
        serde_json::to_string(self.want).map_err(|err| HostError::Unreadable {
            what: "the spec of the guest".to_owned(),
            why: err.to_string(),
        })
    }

    /// Returns what every script of ours finds in its environment; `$PWD` is the folder that
    /// everything was unpacked in.
    fn environment(&self, secrets: &Opened) -> String {
        let GuestSpec { vmid, name, features, .. } = self.want;
        let kind = match self.way.kind() {
            Kind::Container => "container",
            Kind::Machine => "vm",
        };
        // The bundle is nobody else's; what a script installs is for everybody, unless it says so.
        let mut text = format!(
            "umask 022\n\
             export PHOENIX_GUEST={vmid} PHOENIX_NAME={name} PHOENIX_KIND={kind} \
             PHOENIX_SPEC=\"$PWD/guest.json\" PHOENIX_SECRETS=\"$PWD/secrets\"\n"
        );
        for (secret, _) in secrets.values() {
            let _written = writeln!(
                text,
                "[ -f secrets/{secret} ] || {{ echo 'this guest has no tmpfs for its secrets: \
                 mount one at /dev/shm or /run' >&2; exit {NEVER}; }}",
            );
        }
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
    fn script(&self, recipe: &Recipe, secrets: &Opened) -> String {
        let (entry, name) = (&recipe.entry, &recipe.receipt);
        let (vmid, environment) = (self.want.vmid, self.environment(secrets));
        let leads_to = format!("{}=\"$PWD/{}\"", gateway::VARIABLE, gateway::FOLDER);
        // What was set of a feature when it was installed holds for what it serves.
        let installed = match name.strip_prefix("service-") {
            Some(feature) => format!(
                "if [ -f {RECEIPTS}/feature-{feature}.parameters ]; then\n\
                 \tcat {RECEIPTS}/feature-{feature}.parameters parameters >all\n\
                 else\n\
                 \techo 'this guest has no {feature}: list the feature, or clone a guest that has it' >&2\n\
                 \texit {NEVER}\n\
                 fi\n"
            ),
            None => "cp parameters all\n".to_owned(),
        };
        format!(
            "set -eu\n\
             {environment}\
             {installed}\
             export PHOENIX_LIB=\"$PWD/lib\" PHOENIX_PARAMETERS=\"$PWD/all\" {leads_to}\n\
             chmod +x './{entry}'\n\
             ( cd \"$(dirname './{entry}')\" && ./\"$(basename '{entry}')\" {vmid} )\n\
             mkdir -p {RECEIPTS}\n\
             cp parameters {RECEIPTS}/{name}.parameters\n\
             printf %s {receipt} > {RECEIPTS}/.{name}.new\n\
             sync\n\
             mv {RECEIPTS}/.{name}.new {RECEIPTS}/{name}\n",
            receipt = quoted(&Receipt::of(recipe, secrets).text()),
        )
    }

    /// Waits until it runs, has its addresses, and both its features and its own checks say that
    /// what it offers works.
    pub(crate) async fn await_health(&self, hand: &Hand) -> Result<(), HostError> {
        self.network().await?;
        self.check_features(AGAIN, hand).await?;
        self.own_checks(u32::MAX, hand).await
    }

    /// Runs the operator's own checks, each as often as it says, but no more than that often.
    async fn own_checks(&self, tries: u32, hand: &Hand) -> Result<(), HostError> {
        let mut checks = self.want.checks.clone();
        for check in &mut checks {
            check.retries = check.retries.min(tries);
        }
        if checks.is_empty() {
            return Ok(());
        }
        let what = format!("the health check of {}", self.want.vmid);
        let seconds: u64 = checks
            .iter()
            .map(|check| u64::from(check.retries) * (u64::from(check.interval) + 60))
            .sum();
        let checks: String = checks.iter().map(check).collect();
        let (script, veil) = (CHECK, Veil::default());
        let (input, limit) = (checks.as_bytes(), Duration::from_secs(seconds + 60));
        let errand = Errand { what: &what, script, input, limit, veil };
        let ended = self.way.run(errand, hand).await?;
        judge(what, ended)
    }

    /// Looks once whether what it offers works, and at what runs that; nothing is waited for.
    pub(crate) async fn inspect(&self, depth: Depth, hand: &Hand) -> Result<Inspected, HostError> {
        let mut inspected =
            Inspected { is_running: self.way.is_open().await, ..Default::default() };
        if !inspected.is_running {
            return Ok(inspected);
        }
        let serving = self.serving(hand).await?;
        (inspected.processes, inspected.docker) = (serving.processes, serving.docker);
        if depth == Depth::Checks {
            let checked = match self.check_features(1, hand).await {
                Ok(()) => self.own_checks(1, hand).await,
                Err(err) => Err(err),
            };
            inspected.ailing = match checked {
                Ok(()) => None,
                Err(HostError::Failed { why, .. } | HostError::Refused { why, .. }) => Some(why),
                Err(err) => return Err(err),
            };
        }
        Ok(inspected)
    }

    /// Runs the checks of all features that are in it, those it was cloned with included; each may
    /// fail all but that often.
    pub(crate) async fn check_features(&self, tries: u32, hand: &Hand) -> Result<(), HostError> {
        let mut features = BTreeSet::from_iter(self.way.installed(&self.proc).await?);
        features.extend(self.want.features.iter().cloned());
        let (mut files, mut wanted, mut script) = (Vec::new(), BTreeMap::new(), String::new());
        let mut seconds = 60;
        for feature in &features {
            let check = self.library.check_of(self.want, feature)?;
            if check.is_empty() {
                continue;
            }
            files.extend(check);
            wanted.extend(self.library.secrets_of(self.want, feature)?);
            seconds += u64::from(tries) * (CHECKED + PAUSE);
            let _written = write!(
                script,
                "cat {RECEIPTS}/feature-{feature}.parameters {RECEIPTS}/service-{feature}.parameters \
                 >all 2>/dev/null || :\n\
                 n=0\nuntil ( cd {feature}/feature && PHOENIX_LIB=\"$PWD/../lib\" \
                 PHOENIX_PARAMETERS=\"$PWD/../../all\" \
                 timeout {CHECKED} sh ./check.sh ) 2>said\ndo\n\
                 \tn=$((n+1))\n\tif [ $n -ge {tries} ]; then\n\
                 \t\techo \"{feature}: $(cat said)\" >&2\n\t\texit 1\n\tfi\n\tsleep {PAUSE}\ndone\n"
            );
        }
        if files.is_empty() {
            return Ok(());
        }
        let secrets = self.library.open(&wanted).await?;
        let script = format!("set -u\n{}{script}", self.environment(&secrets));
        let texts = [("guest.json", &*self.spec()?), ("run", &*script)];
        let what = format!("the check of the features of {}", self.want.vmid);
        self.unpack(what, Duration::from_secs(seconds), &files, &texts, &secrets, hand).await
    }

    /// Waits until it has an address, where it is to have one.
    async fn network(&self) -> Result<(), HostError> {
        if self.want.nics.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            if !self.way.addresses(&self.proc).await.is_empty() {
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
    // What it said the last time is the reason; before that it is only not ready yet.
    format!(
        "n=0\nuntil said=$( ( {command}\n) </dev/null 2>&1 )\ndo\n\tn=$((n+1))\n\
         \tif [ $n -ge {retries} ]; then\n\t\tprintf '%s\\n' \"$said\" >&2\n\
         \t\techo \"failed $n times: {quoted}: $(printf %s \"$said\" | tail -n 1)\" >&2\n\
         \t\texit 1\n\tfi\n\tsleep {interval}\ndone\n",
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
