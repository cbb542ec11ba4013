//! What is done inside of guests.

use phoenix_domain::{Brings, Change, Check, Goal, Run, StepName, Verdict};
use phoenix_engine::{Outcome, StepError};
use phoenix_hypervisor::{Hand, Hypervisor as _, Lock};

use crate::ground::{Ground, Plain};

pub(crate) async fn features_are_installed_once_and_again_when_they_changed<G: Ground>(ground: &G) {
    let script =
        |what: &str| format!("#!/bin/sh\nset -eu\nmkdir -p /opt\necho {what} >> /opt/done\n");
    ground.feature("tool", &script("one"));
    let parent = ground.guest(900).features(&["tool"]).template().build();
    ground.arrive(&parent).await;
    let child = ground.clone_of(900, 950).features(&["tool"]).build();
    ground.arrive(&child).await;
    let done = || ground.file(950, "/opt/done").unwrap();
    assert_eq!(done(), "one\n", "its parent's receipt counts");

    ground.feature("tool", &script("two"));
    assert_eq!(ground.arrive(&child).await, 2, "it is installed, and shows anew that it works");
    assert_eq!(done(), "one\ntwo\n");
    assert_eq!(ground.arrive(&child).await, 0);
}

pub(crate) async fn a_script_says_why_it_failed_and_whether_to_try_again<G: Ground>(ground: &G) {
    let want = ground.guest(950).features(&["tool"]).build();
    for (code, verdict) in [(75, Verdict::Retry), (78, Verdict::AskHuman)] {
        let script = format!("#!/bin/sh\necho began\necho the reason >&2\nexit {code}\n");
        ground.feature("tool", &script);
        match ground.walk(&want, Goal::Present).await {
            Outcome::Stuck { err, .. } => {
                assert_eq!(err.verdict(), verdict, "{err}");
                assert!(told(&err).contains("the reason"), "{err:?}");
                assert!(err.output().unwrap().contains("began"), "{err:?}");
            }
            outcome @ (Outcome::Arrived { .. } | Outcome::Halted { .. }) => {
                assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
            }
        }
    }
    ground.feature("tool", "#!/bin/sh\ntrue\n");
    assert!(ground.arrive(&want).await > 0, "what it left does not stand in its way");
    assert_eq!(ground.arrive(&want).await, 0);
}

pub(crate) async fn what_a_script_says_is_heard_while_it_runs<G: Ground>(ground: &G) {
    ground.feature("tool", "#!/bin/sh\necho one\necho two >&2\nprintf 'a\\rthree\\n'\n");
    let want = ground.guest(950).features(&["tool"]).build();

    let (_, mut said) = ground.walk_heard(&want, Goal::Present).await;

    said.sort();
    assert_eq!(said, ["one", "three", "two"]);
}

pub(crate) async fn a_script_has_its_files_and_leaves_nothing<G: Ground>(ground: &G) {
    ground.write(
        "scripts/setup.sh",
        "#!/bin/sh\nset -eu\nmkdir -p /opt\n. ./words\n\
         grep -o '\"vmid\":[0-9]*' \"$PHOENIX_SPEC\" >/opt/said\necho \"$word $PWD $1\" >>/opt/said\numask >/opt/umask\n",
    );
    ground.write("scripts/setup.sh.d/words", "word=hello\n");
    let want = ground.guest(950).application("setup.sh").build();

    ground.arrive(&want).await;

    let said = ground.file(950, "/opt/said").unwrap();
    let (spec, rest) = said.split_once('\n').unwrap();
    assert_eq!(spec, "\"vmid\":950");
    let [word, folder, argument] = rest.split_whitespace().collect::<Vec<_>>()[..] else {
        unreachable!("{rest}")
    };
    assert_eq!((word, argument), ("hello", "950"));
    assert_eq!(ground.file(950, "/opt/umask").unwrap().trim(), "0022", "what it makes is for all");
    assert_eq!(ground.file(950, &format!("{folder}/words")).unwrap_or_default(), "");

    ground.write("scripts/setup.sh.d/words", "word=again\n");
    assert!(ground.arrive(&want).await > 0, "another file is another version of the script");
    assert!(ground.file(950, "/opt/said").unwrap().contains("again"));
}

pub(crate) async fn what_is_brought_along_is_run_and_not_what_its_host_has<G: Ground>(ground: &G) {
    let says = |what: &str| {
        format!("#!/bin/sh\nset -eu\nmkdir -p /opt\n. ./words\necho \"{what} $word\" >>/opt/said\n")
    };
    let installs = |what: &str| format!("#!/bin/sh\nmkdir -p /opt; echo {what} >>/opt/done\n");
    ground.write("scripts/setup.sh", &says("its own"));
    ground.write("scripts/setup.sh.d/words", "word=host\n");
    ground.feature("tool", &installs("host"));
    let mut want = ground.guest(950).features(&["tool"]).application("setup.sh").build();
    let script = |what: &str| {
        ground.brought(&[("script/setup.sh", &says(what)), ("script/words", "word=brought\n")])
    };
    let feature = |what: &str| ground.brought(&[("feature/install.sh", &installs(what))]);
    want.brings.script = Some(script("one"));
    want.brings.features.insert("tool".parse().unwrap(), feature("one"));
    ground.arrive(&want).await;
    let (said, done) =
        (|| ground.file(950, "/opt/said").unwrap(), || ground.file(950, "/opt/done").unwrap());
    assert_eq!((said(), done()), ("one brought\n".to_owned(), "one\n".to_owned()));
    assert_eq!(ground.arrive(&want).await, 0);

    want.brings.script = Some(script("two"));
    ground.arrive(&want).await;
    assert_eq!((said(), done()), ("one brought\ntwo brought\n".to_owned(), "one\n".to_owned()));

    want.brings.features.insert("tool".parse().unwrap(), feature("two"));
    ground.arrive(&want).await;
    assert_eq!(done(), "one\ntwo\n");

    // What is the same as that of the host is the same, wherever it comes from.
    ground.write("scripts/setup.sh", &says("two"));
    ground.write("scripts/setup.sh.d/words", "word=brought\n");
    ground.feature("tool", &installs("two"));
    want.brings = Brings::default();
    ground.arrive(&want).await;
    assert_eq!((said().lines().count(), done().lines().count()), (2, 2));
}

pub(crate) async fn what_is_brought_along_is_not_run_where_it_is_not_what_it_was<G: Ground>(
    ground: &G,
) {
    ground.write("scripts/setup.sh", "#!/bin/sh\nmkdir -p /opt; echo host >/opt/said\n");
    let mut want = ground.guest(950).application("setup.sh").build();
    let pack =
        ground.brought(&[("script/setup.sh", "#!/bin/sh\nmkdir -p /opt; echo it >/opt/said\n")]);
    let (_, other) = phoenix_testkit::pack(&[(
        "script/setup.sh",
        "#!/bin/sh\nmkdir -p /opt; echo bad >/opt/said\n",
    )]);
    ground.write(&format!("packs/{pack}"), &other);
    want.brings.script = Some(pack);

    let Outcome::Stuck { err, .. } = ground.walk(&want, Goal::Present).await else {
        unreachable!("it is another one")
    };

    assert!(told(&err).contains("it is not what its name says"), "{}", told(&err));
    assert_eq!(err.verdict(), Verdict::Retry, "whoever comes next fetches it again");
    assert!(ground.look(&want).await.guest.is_none(), "that is known before anything is made");
}

pub(crate) async fn a_model_is_served_as_the_spec_says_and_again_when_that_changed<G: Ground>(
    ground: &G,
) {
    ground.feature("vllm", "#!/bin/sh\nexit 0\n");
    ground.write(
        "features/vllm/feature.json",
        r#"{ "parameters": { "environment": { "type": "string", "default": "/opt/vllm" } } }"#,
    );
    ground.write(
        "features/vllm/serve.sh",
        "#!/bin/sh\nset -eu\nmkdir -p /opt\n. \"$PHOENIX_PARAMETERS\"\n\
         echo \"$parameter_environment $serve_model $serve_port $(echo $serve_arguments)\" >>/opt/served\n",
    );
    let parent = ground.guest(900).features(&["vllm"]).template().build();
    ground.arrive(&parent).await;
    let want =
        |arguments: &[&str]| ground.clone_of(900, 950).model("qwen").arguments(arguments).build();
    ground.arrive(&want(&["--seed", "1"])).await;
    assert_eq!(ground.arrive(&want(&["--seed", "1"])).await, 0);

    assert!(ground.arrive(&want(&["--seed", "2"])).await > 0);

    assert_eq!(
        ground.file(950, "/opt/served").unwrap(),
        "/opt/vllm qwen 8000 --seed 1\n/opt/vllm qwen 8000 --seed 2\n"
    );

    // Of one that has no vLLM nothing can be served, and trying again does not help.
    let without = ground.guest(951).model("qwen").build();
    let Outcome::Stuck { err, .. } = ground.walk(&without, Goal::Present).await else {
        unreachable!("it has no vllm")
    };
    assert_eq!(err.verdict(), Verdict::AskHuman);
    assert!(told(&err).contains("this guest has no vllm"), "{}", told(&err));
}

pub(crate) async fn what_was_inherited_of_an_older_recipe_is_named<G: Ground>(ground: &G) {
    ground.feature("tool", "#!/bin/sh\nexit 0\n");
    ground.arrive(&ground.guest(900).features(&["tool"]).template().build()).await;
    let child = ground.clone_of(900, 950).build();
    ground.arrive(&child).await;
    let outdated = async || ground.look(&child).await.guest.unwrap().inside.unwrap().outdated;
    assert!(outdated().await.is_empty());

    ground.feature("tool", "#!/bin/sh\n: # another one\n");

    assert_eq!(outdated().await.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tool"]);
    assert_eq!(ground.arrive(&child).await, 0, "that is its parent's business");
}

pub(crate) async fn a_guest_that_is_not_well_is_not_sealed<G: Ground>(ground: &G) {
    let mut want = ground.guest(900).seal("ready").build();
    let check =
        |command: &str| Check { name: None, command: command.into(), retries: 1, interval: 0 };
    want.checks = vec![check("echo so it is >&2; false")];

    let Outcome::Stuck { step, err } = ground.walk(&want, Goal::Present).await else {
        unreachable!("it is not well")
    };

    assert_eq!(step, StepName::RunHealthCheck);
    assert!(told(&err).contains("failed 1 times"), "{}", told(&err));
    let guest = ground.look(&want).await.guest.unwrap();
    assert_eq!((guest.run, guest.snapshots.len()), (Run::Running, 0));
    want.checks = vec![check("true")];
    ground.arrive(&want).await;
    assert_eq!(ground.look(&want).await.guest.unwrap().snapshots.len(), 1);
}

/// A value that stands nowhere but where a test has put it.
const CANARY: &str = "canary-4b1d-never-to-be-seen";

pub(crate) async fn a_secret_is_there_while_it_is_needed_and_nowhere_afterwards<G: Ground>(
    ground: &G,
) {
    ground.purse().put("secret://prod/redis#password", CANARY);
    ground.feature(
        "tool",
        "#!/bin/sh\nset -eu\nmkdir -p /opt\np=$PHOENIX_SECRETS/password\n\
         stat -c %a \"$p\" >/opt/mode\nwc -c <\"$p\" >/opt/length\nls \"$PHOENIX_SECRETS\" >/opt/names\n\
         echo \"it is $(cat \"$p\")\"\necho \"and $(cat \"$p\")\" >&2\n\
         (cd -P \"$PHOENIX_SECRETS\" && pwd) >/opt/folder\ncat /proc/mounts >/opt/mounts\n\
         env >/opt/environment\n",
    );
    ground.write("features/tool/feature.json", r#"{ "secrets": ["password"] }"#);
    let want = ground
        .guest(950)
        .features(&["tool"])
        .secret("password", "secret://prod/redis#password")
        .secret("other", "secret://prod/other")
        .build();

    let (outcome, said) = ground.walk_heard(&want, Goal::Present).await;

    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    let file = |path| ground.file(950, path).unwrap();
    assert_eq!(file("/opt/mode").trim(), "600");
    assert_eq!(file("/opt/length").trim(), CANARY.len().to_string());
    assert_eq!(file("/opt/names").trim(), "password", "it is given what it asks for, and no more");
    assert_eq!(said, ["it is ***", "and ***"]);
    assert!(!file("/opt/environment").contains(CANARY));
    let folder = file("/opt/folder");
    let mount = std::path::Path::new(folder.trim()).parent().unwrap().display().to_string();
    let is_in_memory = |line: &str| line.contains(&format!(" {mount} tmpfs "));
    assert!(file("/opt/mounts").lines().any(is_in_memory), "{folder}");
    assert_eq!(ground.file(950, &format!("{}/password", folder.trim())).unwrap_or_default(), "");
    let receipt = file("/var/lib/phoenix/receipts/feature-tool");
    assert!(receipt.contains("secret password ") && !receipt.contains(CANARY), "{receipt}");
    assert_eq!(ground.arrive(&want).await, 0);
}

pub(crate) async fn another_value_of_a_secret_is_applied_and_a_lost_one_stops_nothing<G: Ground>(
    ground: &G,
) {
    ground.purse().put("secret://prod/redis", "the first value");
    ground.write(
        "scripts/setup.sh",
        "#!/bin/sh\nset -eu\nmkdir -p /opt\nwc -c <\"$PHOENIX_SECRETS/password\" >>/opt/done\n",
    );
    let want =
        ground.guest(950).application("setup.sh").secret("password", "secret://prod/redis").build();
    ground.arrive(&want).await;
    assert_eq!(ground.arrive(&want).await, 0);

    ground.purse().put("secret://prod/redis", "the second value");

    assert!(ground.arrive(&want).await > 0, "it was changed");
    let done = ground.file(950, "/opt/done").unwrap();
    assert_eq!(done.split_whitespace().collect::<Vec<_>>(), ["15", "16"]);

    ground.purse().lose();
    assert_eq!(ground.arrive(&want).await, 0, "nothing says that it was changed");
    let stopped = ground.walk(&want, Goal::Stopped).await;
    assert!(matches!(stopped, Outcome::Arrived { .. }), "{stopped:?}");
}

pub(crate) async fn a_secret_nobody_has_is_missed_before_anything_is_touched<G: Ground>(
    ground: &G,
) {
    ground.write("scripts/setup.sh", "#!/bin/sh\nexit 0\n");
    let want =
        ground.guest(950).application("setup.sh").secret("password", "secret://prod/redis").build();

    let Outcome::Stuck { err, .. } = ground.walk(&want, Goal::Present).await else {
        unreachable!("nobody has its secret")
    };

    assert!(told(&err).contains("password (secret://prod/redis)"), "{}", told(&err));
    assert_eq!((err.verdict(), err.advice()), (Verdict::AskHuman, Some("put it there")));
    assert_eq!(ground.look(&want).await.guest, None);
}

/// A lock lasts as long as its last holder, whoever that is.
pub(crate) async fn what_a_script_leaves_running_does_not_hold_the_guest(ground: &Plain) {
    ground.feature("tool", "#!/bin/sh\nsleep 1000 </dev/null >/dev/null 2>&1 &\n");
    let want = ground.guest(950).build();
    ground.arrive(&want).await;
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::try_take(&folder.path().join("lock")).unwrap();
    let hand = Hand::holding([&lock]);

    let install = Change::InstallFeature { feature: "tool".parse().unwrap() };
    ground.host().apply(&want, &install, &hand).await.unwrap();
    drop((lock, hand));

    assert!(ground.lab.inside(950, &["ps"]).contains("sleep 1000"));
    Lock::try_take(&folder.path().join("lock")).unwrap();
}

/// Whoever is killed cannot clean up.
pub(crate) async fn what_a_killed_run_has_left_in_a_guest_is_gone_with_the_next_one(
    ground: &Plain,
) {
    ground.feature("tool", "#!/bin/sh\nexit 0\n");
    let want = ground.guest(950).build();
    ground.arrive(&want).await;
    for folder in ["/tmp", "/dev/shm"] {
        let left =
            format!("mkdir -p {folder}/phoenix-run.LEFT && echo it > {folder}/phoenix-run.LEFT/a");
        ground.lab.inside(950, &["sh", "-c", &left]);
    }

    ground.arrive(&ground.guest(950).features(&["tool"]).build()).await;

    let left = ground
        .lab
        .inside(950, &["sh", "-c", "ls -d /tmp/phoenix-run.* /dev/shm/phoenix-run.* || :"]);
    assert_eq!(left.trim(), "");
}

pub(crate) fn told(err: &StepError) -> String {
    let causes = std::iter::successors(Some(err as &dyn std::error::Error), |err| err.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
