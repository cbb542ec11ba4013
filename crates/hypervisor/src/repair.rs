//! Repairs of what a guest serves: recipes that are run anew each time they are asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_domain::FeatureName;
use serde::Deserialize;

use crate::library::quoted;
use crate::recipe::{REPAIR, Recipe, RecipeFile};

/// What runs what a feature serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Service {
    /// A unit of systemd.
    Unit(String),
    /// A container of Docker.
    Container(String),
}

/// What every such script begins with. A process that does not end by itself is killed with all it
/// has started: what one of them holds of a GPU would be missing to the next one.
const RESTART: &str = "set -u
done=
unit() {
	systemctl cat \"$1\" >/dev/null 2>&1 || return 0
	echo \"restarting $1\"
	systemctl reset-failed \"$1\" 2>/dev/null
	timeout 30 systemctl stop \"$1\" || {
		systemctl kill --kill-who=all --signal=KILL \"$1\"
		systemctl stop \"$1\"
	}
	systemctl start \"$1\" || exit 1
	done=yes
}
container() {
	command -v docker >/dev/null || return 0
	[ -n \"$(docker ps --all --quiet --filter \"name=^/$1\\$\")\" ] || return 0
	echo \"restarting the container $1\"
	docker restart --time 30 \"$1\" >/dev/null || exit 1
	done=yes
}
";
/// What it ends with: what cannot be restarted is not restarted by another attempt either.
const RESTARTED: &str = "[ -n \"$done\" ] || {
	echo 'nothing here is known to serve anything: no feature of this guest names its service' >&2
	exit 78
}
";

/// Returns the recipe that starts these services anew, as far as they are in a guest.
pub(crate) fn restart(services: &BTreeMap<FeatureName, Service>) -> Recipe {
    let mut script = RESTART.to_owned();
    for service in services.values() {
        let (kind, name) = match service {
            Service::Unit(name) => ("unit", name),
            Service::Container(name) => ("container", name),
        };
        let _written = writeln!(script, "{kind} {}", quoted(name));
    }
    script.push_str(RESTARTED);
    recipe("a restart of what it serves", &script)
}

/// Returns the recipe that forgets that the application of a guest was set up.
pub(crate) fn forget() -> Recipe {
    let script = "set -eu\nrm -f /var/lib/phoenix/receipts/application /var/lib/phoenix/receipts/service-*\n";
    recipe("forgetting how its application was set up", script)
}

fn recipe(name: &str, script: &str) -> Recipe {
    Recipe {
        name: name.to_owned(),
        receipt: REPAIR.to_owned(),
        entry: "repair.sh".to_owned(),
        // No two repairs are the same one, so each leaves a receipt of its own.
        parameters: format!("repair={}\n", uuid::Uuid::new_v4().simple()),
        surroundings: String::new(),
        written: vec![RecipeFile::written("repair.sh".to_owned(), format!("#!/bin/sh\n{script}"))],
        secrets: BTreeMap::new(),
        files: Vec::new(),
    }
}
