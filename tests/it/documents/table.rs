//! How each command is tried that is not simply one of `phoenix` that ends well.

/// How a command is tried.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// It is typed, with this behind it, and ends with this code.
    Ends(i32, &'static str),
    /// It is typed, says something, and goes on until Ctrl-C.
    Lasts,
    /// Somebody else tries it, or nobody can.
    Elsewhere(#[expect(dead_code, reason = "people read it")] &'static str),
}

/// Returns how a command is tried; nothing where nobody has said so.
pub(super) fn how(document: &str, command: &str) -> Option<How> {
    use How::{Elsewhere, Ends, Lasts};
    let all_of_it = match document {
        "docs/install.md" => Some("deploy/check.sh types all of it, on a Debian of its own"),
        "docs/setup.md" => Some("it changes the host: tests/it/setup.rs has a made-up one"),
        "docs/lxc.md" => {
            Some("tests of the package phoenix-hypervisor, as root, with real containers")
        }
        "docs/nats.md" => Some("tests/it/nats has addresses that are there"),
        "docs/secrets.md" => Some("tests/it/secrets.rs, with moto in the place of AWS"),
        "docs/channels.md" => Some("tests/it/health/people.rs, with a channel that is there"),
        _ => None,
    };
    if let Some(who) = all_of_it {
        return Some(Elsewhere(who));
    }
    Some(match command {
        "phoenix up --node pve1" => Elsewhere("all of this runs in it"),
        "phoenix watch --since 1h" => Lasts,
        "phoenix watch 953" => Elsewhere("nothing happens to it by itself: tests/it/bus/watch.rs"),
        "phoenix top" => Elsewhere("tests/it/top has a terminal"),
        "phoenix-health-monitor --nats-url nats://127.0.0.1:4222" => {
            Elsewhere("`phoenix up` runs it; tests/it/health starts it by itself")
        }
        _ if command.starts_with("phoenix serve") => Elsewhere("tests/it/serve"),
        _ if command.starts_with("phoenix nats ") => Elsewhere("tests/it/nats"),
        _ if command.starts_with("phoenix setup ") => {
            Elsewhere("it looks at this very host: tests/it/setup.rs has a made-up one")
        }
        _ if command.starts_with("phoenix feature test ") => {
            Elsewhere("tests of the package phoenix-features, as root")
        }
        "cd examples/quickstart" => Elsewhere("all of this runs there"),
        _ if command.starts_with("curl ") => {
            Elsewhere("tests/it/serve/metrics, of a port of its own")
        }
        "kill -9 PID" => Elsewhere("tests/it/survive"),
        "(umask 077; openssl rand -hex 32 > /etc/phoenix/page.token)" => {
            Elsewhere("it writes into /etc: tests/it/serve makes a token by itself")
        }
        "ln -s /usr/share/phoenix/phoenix_orchestrator.sh /usr/local/bin/" => {
            Elsewhere("the next line runs with such a link")
        }
        _ if ["systemctl ", "journalctl ", "df "].iter().any(|of| command.starts_with(of)) => {
            Elsewhere("it is of Debian, and about units that only an installed Phoenix has")
        }
        "phoenix-worker --host proxmox --node pve1 --nats-url nats://10.0.0.2:4222" => {
            Elsewhere("tests/it/proxmox has a node that looks like one")
        }
        "phoenix submit 950 951 952 --safely --hold 5m --canary 950" => {
            Elsewhere("tests/it/verbs/safely.rs does not wait for five minutes")
        }
        "phoenix watch --severity warning" => {
            Elsewhere("nothing is wrong here: tests/it/bus/watch.rs")
        }
        // NATS holds something: it is refused.
        "phoenix restore phoenix.backup" => Ends(10, ""),
        // Guests of the quickstart that nobody has asked for are not there.
        "phoenix recover" => Ends(2, ""),
        // Nobody was here two hours ago, and the run is an example.
        "phoenix state 950 --at 2h" | "phoenix trace r-019f3c2a" => Ends(5, ""),
        // Nobody has the secrets of the quickstart here.
        _ if command.starts_with("phoenix doctor") => Ends(2, ""),
        "phoenix answer r-5d1c… yes" => Elsewhere("tests/it/serve has a run that waits for it"),
        _ if command.starts_with("phoenix ") || command.starts_with("phoenix_orchestrator.sh ") => {
            Ends(0, "")
        }
        _ if command.starts_with("cargo ") => Elsewhere("`.ci/run`"),
        _ => return None,
    })
}
