//! `pct exec`: a command in a container.

use crate::attach::{self, Environment};
use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::running;
use crate::schema::options::Given;

/// What the program itself sets, before anything else.
const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin";

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.load(vmid)?;
    if !running::is_running(&run.node, vmid) {
        return Err(Die::new(format!("container '{vmid}' not running!")));
    }
    if given.extra.is_empty() {
        return Err(Die::raw("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 246.\n"));
    }
    let keeps = given.get("keep-env") != Some("0");
    let environment = Environment { keeps, path: Some(PATH.into()), set: Vec::new() };
    attach::run(run, vmid, &given.extra, &environment)
}
