//! What becomes of a job in a real machine, whatever happens to those who wait for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use phoenix_domain::TraceParent;
use phoenix_hypervisor::agent::{Agent, Job, JobEnded, JobError};
use tokio::task::JoinHandle;

use crate::site::{Site, until};

/// Time enough for whatever ends.
const LONG: Duration = Duration::from_mins(5);

/// What was heard of a job.
type Heard = Arc<Mutex<Vec<String>>>;

/// Asks for a job beside the test.
fn ask(
    agent: Agent,
    name: &'static str,
    script: &'static str,
    limit: Duration,
) -> (JoinHandle<Result<JobEnded, JobError>>, Heard) {
    let heard = Heard::default();
    let lines = Arc::clone(&heard);
    let asked = tokio::spawn(async move {
        let job = Job { name, script, input: b"canary-input\n", limit, trace: None };
        agent.run(job, |line| lines.lock().unwrap().push(line.to_owned())).await
    });
    (asked, heard)
}

async fn until_heard(heard: &Heard, line: &str) {
    until(line, || heard.lock().unwrap().iter().any(|one| one == line)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_to_its_end_whoever_is_killed_meanwhile() {
    let mut site = Site::boot("jobs-01").await;
    let agent = site.agent();
    site.prints("mkfifo /tmp/go").await;

    // One that ends by itself: its lines, its code, what it reads, and nothing of it that stays.
    let (asked, heard) = ask(
        agent.clone(),
        "whole",
        "read x; echo got $x; printf 'error\\n' >&2; umask; echo last; exit 3",
        LONG,
    );
    let ended = asked.await.unwrap().unwrap();
    let output = "got canary-input\nerror\n0022\nlast\n".to_owned();
    assert_eq!(ended, JobEnded { code: 3, output, cut: false });
    assert_eq!(*heard.lock().unwrap(), ["got canary-input", "error", "0022", "last"]);
    assert_eq!(site.prints("ls /run/phoenix/job 2>/dev/null || echo gone").await, "gone");

    // Who asked is gone, the agent is killed, and who asks again follows what runs.
    let script = "echo ran >>/tmp/ran; echo begun; read x </tmp/go; echo went $x; exit 5";
    let (asked, heard) = ask(agent.clone(), "long", script, LONG);
    until_heard(&heard, "begun").await;
    assert_eq!(
        site.prints("cat /proc/*/cmdline /proc/*/environ | grep -c '[c]anary' || true").await,
        "0"
    );
    asked.abort();
    let (first, heard) = ask(agent.clone(), "long", script, LONG);
    let (second, also_heard) = ask(agent.clone(), "long", script, LONG);
    until_heard(&heard, "begun").await;
    until_heard(&also_heard, "begun").await;
    let before = site.prints("pidof qemu-ga").await.into_bytes();
    // It may be gone before it has said so, and answer until it is.
    drop(agent.exec("/bin/sh", &["-c", "kill -9 $PPID"], b"").await);
    site.await_other_agent(&before).await;
    site.prints("echo on >/tmp/go").await;
    for asked in [first, second] {
        let ended = asked.await.unwrap().unwrap();
        assert_eq!((ended.code, &*ended.output), (5, "begun\nwent on\n"));
    }
    assert_eq!(site.prints("cat /tmp/ran").await, "ran");

    // It is told the trace that it was begun in, and followed from within any other one.
    follow_from_another_trace(&site, &agent).await;

    // Another one waits for it, and begins then.
    let (first, heard) = ask(agent.clone(), "long", script, LONG);
    until_heard(&heard, "begun").await;
    let (short, _) = ask(agent.clone(), "other", "echo other", Duration::from_secs(1));
    let busy = short.await.unwrap().unwrap_err();
    assert!(matches!(busy, JobError::Busy { .. }), "{busy}");
    let (second, other_heard) = ask(agent.clone(), "other", "cat /tmp/ran; echo other", LONG);
    site.prints("echo on >/tmp/go").await;
    assert_eq!(first.await.unwrap().unwrap().code, 5);
    assert_eq!(second.await.unwrap().unwrap().output, "ran\nran\nother\n");
    assert_eq!(*other_heard.lock().unwrap(), ["ran", "ran", "other"]);

    // What a job leaves running neither keeps it from ending nor is killed with it.
    let script = "setsid sleep 12345 & echo left";
    let ended = agent.run(job("leaves", script, LONG), |_| {}).await.unwrap();
    assert_eq!((ended.code, &*ended.output), (0, "left\n"));
    site.prints("pidof sleep && killall sleep").await;

    // At its limit it is killed with all that it has started.
    let script = "sleep 23456 & echo begun; read x </tmp/go";
    let ended = agent.run(job("endless", script, Duration::from_secs(5)), |_| {}).await;
    let err = ended.unwrap_err();
    assert!(matches!(err, JobError::TimedOut { .. }), "{err}");
    assert_eq!(err.output(), Some("begun\n"));
    let left = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done | grep -c '^sleep 23456' || true";
    assert_eq!(site.prints(left).await, "0");

    // Killed from within, nobody knows how it ended; and it can be asked for again.
    let script = "echo begun; [ -e /tmp/again ] || kill -9 $PPID; echo again";
    let err = agent.run(job("killed", script, LONG), |_| {}).await.unwrap_err();
    assert!(matches!(err, JobError::Lost { .. }), "{err}");
    site.prints("touch /tmp/again").await;
    let ended = agent.run(job("killed", script, LONG), |_| {}).await.unwrap();
    assert_eq!((ended.code, &*ended.output), (0, "begun\nagain\n"));

    // Much of it: every line is heard, and the end is kept.
    let mut lines = 0;
    let ended = agent.run(job("much", "seq 1 400000", LONG), |_| lines += 1).await.unwrap();
    assert!(ended.cut && ended.output.ends_with("\n400000\n"), "{}", ended.output.len());
    assert_eq!(lines, 400_000);

    // Where nothing can be kept in memory alone, nothing is begun.
    site.prints("mount -t ramfs none /run").await;
    let err = agent.run(job("disk", "echo begun", LONG), |_| {}).await.unwrap_err();
    assert!(err.to_string().contains("/run is no tmpfs"), "{err}");
    site.prints("umount /run").await;

    // The guest starts anew in the middle.
    let script = "echo begun; read x </tmp/go";
    let (asked, heard) = ask(agent.clone(), "rebooted", script, LONG);
    until_heard(&heard, "begun").await;
    drop(agent.exec("/bin/sh", &["-c", "echo b >/proc/sysrq-trigger"], b"").await);
    let err = asked.await.unwrap().unwrap_err();
    assert!(matches!(err, JobError::Rebooted { .. }), "{err}\n{}", site.machine.said());
    assert_eq!(err.output(), Some("begun\n"));
    site.await_agent().await;
}

async fn follow_from_another_trace(site: &Site, agent: &Agent) {
    let within = |trace| {
        let script = "echo $TRACEPARENT; read x </tmp/go; echo $TRACEPARENT";
        Job { trace: Some(trace), ..job("traced", script, LONG) }
    };
    let [own, other] = ["3", "4"].map(|digit| {
        format!("00-{}-b7ad6b7169203331-01", digit.repeat(32)).parse::<TraceParent>().unwrap()
    });
    let (mine, theirs) = (Heard::default(), Heard::default());
    let ear = |heard: &Heard| {
        let heard = Arc::clone(heard);
        move |line: &str| heard.lock().unwrap().push(line.to_owned())
    };
    let first = agent.run(within(own), ear(&mine));
    let second = async {
        until_heard(&mine, &own.to_string()).await;
        agent.run(within(other), ear(&theirs)).await
    };
    let release = async {
        until_heard(&theirs, &own.to_string()).await;
        site.prints("echo on >/tmp/go").await;
    };

    let (first, second, ()) = tokio::join!(first, second, release);

    let output = format!("{own}\n{own}\n");
    assert_eq!([first, second].map(|ended| ended.unwrap().output), [output.clone(), output]);
}

fn job<'a>(name: &'a str, script: &'a str, limit: Duration) -> Job<'a> {
    Job { name, script, input: b"", limit, trace: None }
}
