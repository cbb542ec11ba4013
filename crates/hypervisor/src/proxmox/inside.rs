//! What is done in a container, and what was done there.

use std::time::Duration;

use phoenix_domain::{Check, GuestSpec, Vmid};
use tokio::time::{Instant, sleep};

use super::kernel::{self, Inside};
use super::layout::Layout;
use super::library::Recipe;
use crate::command::Command;
use crate::{Hand, HostError};

/// Where a guest keeps what was done in it: a clone inherits it, and a rollback undoes it.
const RECEIPTS: &str = "/var/lib/phoenix/receipts";
/// How long a receipt may be.
const RECEIPT: u64 = 256;
/// How long the installation of a feature, or an application script, may take.
const LONG: Duration = Duration::from_hours(2);
/// How long a guest has for getting its addresses.
const NETWORK: Duration = Duration::from_mins(1);
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
const UNPACK: &str = in_guest!(
    "set -e; umask 077; mkdir -p /tmp; d=$(mktemp -d /tmp/phoenix.XXXXXX); \
     trap 'rm -rf \"$d\"' EXIT; tar -xf - -C \"$d\"; cd \"$d\"; sh ./run </dev/null"
);
/// Runs what comes through stdin.
const CHECK: &str = in_guest!("exec sh -s");

/// Says whether a receipt says that this version was run.
pub(super) fn has_receipt(inside: &Inside, recipe: &Recipe) -> Result<bool, HostError> {
    let path = format!("{RECEIPTS}/{}", recipe.receipt);
    let receipt = inside.text(&path, RECEIPT).map_err(|err| HostError::Unreachable { err })?;
    Ok(match receipt {
        Some(receipt) => receipt.trim_end() == recipe.digest()?,
        None => false,
    })
}

/// Brings a recipe into a guest and runs it there: one process, whatever it is made of.
pub(super) async fn run(
    layout: &Layout,
    want: &GuestSpec,
    recipe: &Recipe,
    hand: &Hand,
) -> Result<(), HostError> {
    network(layout, want).await?;
    let spec = serde_json::to_string(want).map_err(|err| HostError::Unreadable {
        what: "the spec of the guest".to_owned(),
        why: err.to_string(),
    })?;
    let texts = [("guest.json", spec.as_str()), ("run", &script(want, recipe)?)];
    let archive = recipe.archive(&texts)?;
    let what = format!("{} in {}", recipe.name, want.vmid);
    attach(layout, want.vmid, UNPACK, LONG)
        .purpose(&what)
        .stdin(&archive)?
        .run(hand)
        .await
        .and_then(|ended| {
            if ended.status.success() {
                return Ok(());
            }
            let output = format!("{}{}", ended.stdout, ended.stderr);
            Err(HostError::Failed { what, why: format!("it ended with {}", ended.status), output })
        })
}

/// Returns what is run: the recipe, and then the receipt that it was.
fn script(want: &GuestSpec, recipe: &Recipe) -> Result<String, HostError> {
    let (digest, receipt, entry) = (recipe.digest()?, &recipe.receipt, &recipe.entry);
    let (vmid, name) = (want.vmid, &want.name);
    Ok(format!(
        "set -eu\n\
         export PHOENIX_GUEST={vmid} PHOENIX_NAME={name} PHOENIX_SPEC=\"$PWD/guest.json\" \
         PHOENIX_LIB=\"$PWD/lib\"\n\
         # Who asks before the guest has booted gets answers that are not true a second later.\n\
         if [ -d /run/systemd/system ]; then\n\
         \ttimeout 120 systemctl is-system-running --wait >/dev/null 2>&1 || true\n\
         fi\n\
         chmod +x './{entry}'\n\
         ( cd \"$(dirname './{entry}')\" && ./\"$(basename '{entry}')\" {vmid} )\n\
         mkdir -p {RECEIPTS}\n\
         echo {digest} > {RECEIPTS}/.{receipt}.new\n\
         sync\n\
         mv {RECEIPTS}/.{receipt}.new {RECEIPTS}/{receipt}\n"
    ))
}

/// Waits until a guest runs, has its addresses and passes its checks.
pub(super) async fn await_health(
    layout: &Layout,
    want: &GuestSpec,
    hand: &Hand,
) -> Result<(), HostError> {
    network(layout, want).await?;
    if want.checks.is_empty() {
        return Ok(());
    }
    let what = format!("the health check of {}", want.vmid);
    let seconds: u64 = want
        .checks
        .iter()
        .map(|check| u64::from(check.retries) * (u64::from(check.interval) + 60))
        .sum();
    let checks: String = want.checks.iter().map(check).collect();
    let ended = attach(layout, want.vmid, CHECK, Duration::from_secs(seconds + 60))
        .purpose(&what)
        .stdin(checks.as_bytes())?
        .run(hand)
        .await?;
    if ended.status.success() {
        return Ok(());
    }
    let output = format!("{}{}", ended.stdout, ended.stderr);
    let why = output.lines().last().unwrap_or("it says nothing").to_owned();
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

/// Waits until a guest has an address, where it is to have one.
async fn network(layout: &Layout, want: &GuestSpec) -> Result<(), HostError> {
    if want.nics.is_empty() {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        if kernel::init(layout, want.vmid)
            .is_some_and(|init| !kernel::addresses(layout, &init).is_empty())
        {
            return Ok(());
        }
        if begun.elapsed() >= NETWORK {
            return Err(HostError::Failed {
                what: format!("waiting for an address of {}", want.vmid),
                why: "it has none; see whether its bridge leads to a DHCP server".to_owned(),
                output: String::new(),
            });
        }
        sleep(LOOK).await;
    }
}

/// Returns the process that runs something in a guest. It is the one `pct exec` becomes after a
/// second of Perl.
fn attach(layout: &Layout, vmid: Vmid, script: &str, limit: Duration) -> Command {
    Command::new(&layout.program("lxc-attach"), limit)
        .plain("-n")
        .plain(vmid.to_string())
        .plain("--clear-env")
        .plain("--")
        .plain("/bin/sh")
        .plain("-c")
        .plain(script)
}
