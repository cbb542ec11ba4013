//! What the agent of a real machine answers.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use phoenix_hypervisor::agent::{AgentError, HowEnded, Reason};
use tokio::time::{Instant, sleep_until};

use crate::site::{Site, ended, until};

/// After which Proxmox's own command says that all went well, whatever it is.
const TRAP: Duration = Duration::from_secs(31);

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_does_what_it_is_asked_whoever_has_asked_before() {
    let mut site = Site::boot("talks-01").await;
    let agent = site.agent();

    // Something that will take longer than Proxmox would wait for it.
    site.prints("mkfifo /tmp/go").await;
    let long = agent.exec("/bin/sh", &["-c", "read x </tmp/go; exit 7"], b"").await.unwrap();
    let begun = Instant::now();

    // The seed was read.
    let name = agent.read("/proc/sys/kernel/hostname", 0, 100).await.unwrap().unwrap();
    assert_eq!(name, b"talks-01\n");

    // What is read comes in through the agent, and comes out again to the byte.
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    let pid = agent.exec("/bin/sh", &["-c", "cat; echo no >&2"], &bytes).await.unwrap();
    let cat = ended(&agent, pid).await;
    assert!(cat.stdout == bytes && cat.stderr == b"no\n" && !cat.cut, "{cat:?}");
    assert_eq!(site.sh("kill -9 $$").await.how, HowEnded::Signal(9));

    // Files have an end, and may be missing.
    site.prints("seq 1 300000 >/tmp/file").await;
    let whole = agent.read("/tmp/file", 0, 10_000_000).await.unwrap().unwrap();
    let piece = agent.read("/tmp/file", 1_000_000, 6).await.unwrap().unwrap();
    assert!(whole.ends_with(b"\n300000\n") && whole.get(1_000_000..1_000_006) == Some(&piece[..]));
    assert_eq!(agent.read("/tmp/none", 0, 10).await.unwrap(), None);
    assert_eq!(agent.read("/tmp/file", 100_000_000, 10).await.unwrap(), Some(Vec::new()));
    let missing = agent.exec("/bin/none", &[], b"").await.unwrap_err();
    assert!(matches!(missing, AgentError::Refused { reason: Reason::NoSuchFile, .. }), "{missing}");
    assert!(agent.addresses().await.unwrap().is_empty());

    // Somebody was cut off in the middle of a command, and somebody else did not wait for answers.
    for words in [
        &b"{\"execute\": \"guest-exec\", \"arguments\": {\"path\": \"/bin/sh\", \"arg\": [\"-c"[..],
        b"{\"execute\": \"guest-info\"}\n{\"execute\": \"guest-info\"}\n{\"execute\": \"guest-get-time\"}\n",
    ] {
        let mut other = UnixStream::connect(site.machine.socket()).unwrap();
        other.write_all(words).unwrap();
        drop(other);
        assert_eq!(site.prints("echo right").await, "right");
    }

    // Somebody holds the line; nobody is served twice, and afterwards everybody is.
    let other = UnixStream::connect(site.machine.socket()).unwrap();
    let short = agent.clone().patient(Duration::from_secs(1));
    for _ in 0..4 {
        let waits = short.exec("/bin/sh", &["-c", "echo x >>/tmp/waited"], b"").await;
        assert!(matches!(waits, Err(AgentError::Silent { .. })), "{waits:?}");
    }
    drop(other);
    assert_eq!(site.prints("cat /tmp/waited 2>/dev/null || echo none").await, "none");

    // What takes longer than Proxmox waits ends with its own code.
    sleep_until(begun + TRAP).await;
    assert_eq!(agent.ended(long).await.unwrap(), None);
    site.prints("echo go >/tmp/go").await;
    assert_eq!(ended(&agent, long).await.how, HowEnded::Code(7));

    // A machine that hangs is noticed, and one that goes on is as before.
    site.machine.stop().unwrap();
    let hangs = short.exec("/bin/true", &[], b"").await.unwrap_err();
    assert!(matches!(hangs, AgentError::Silent { .. }), "{hangs}");
    site.machine.go_on().unwrap();
    assert_eq!(site.prints("echo right").await, "right");

    // An agent that hangs in a machine that does not.
    drop(agent.exec("/bin/sh", &["-c", "kill -STOP $PPID"], b"").await);
    let begun = Instant::now();
    let hangs = loop {
        // It answers until the guest comes to it.
        match short.ping().await {
            Ok(()) => assert!(begun.elapsed() < TRAP, "the agent goes on"),
            Err(err) => break err,
        }
    };
    assert!(matches!(hangs, AgentError::Silent { .. }), "{hangs}");
    site.machine.reset().unwrap();
    site.await_agent().await;
    assert_eq!(site.prints("hostname").await, "talks-01");

    site.agent().shutdown().await.unwrap();
    let machine = &mut site.machine;
    until("the end of the machine", || !machine.is_on()).await;
}
