//! `phoenix test`: the tests of a guest, run inside of it.

use serde_json::json;

use super::site::Site;

#[tokio::test]
async fn the_tests_of_a_guest_are_run_in_it_and_those_that_fail_say_why() {
    let site = Site::of("examples/postgresql").await;
    site.pve.archive(
        "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    for feature in ["base_setup", "postgresql"] {
        site.pve.feature(feature);
    }
    site.pve.write(
        "tests",
        "smoke/here.sh",
        "#!/bin/sh\ntest -f /opt/installed && . ./words && test $word = hello\n",
    );
    site.pve.write("tests", "smoke/here.sh.d/words", "word=hello\n");
    site.pve.write(
        "tests",
        "smoke/not.sh",
        "#!/bin/sh\necho looking; echo 'it is not there' >&2; exit 3\n",
    );
    site.change(|guests| {
        guests["930"]["health_check"] = json!({ "command": "true" });
        guests["930"].as_object_mut().unwrap().remove("secrets");
        guests["930"]["tests"] = json!({
            "deep": [{ "name": "It is not there", "path": "smoke/not.sh" }],
            "smoke": [{ "name": "It is there", "path": "smoke/here.sh" }],
        });
    });
    let _worker = site.worker();
    site.ok(&["submit", "930", "--host", "pve1"]).await;

    let all = site.phoenix(&["test", "930"]).await;

    assert_eq!(all.code, 1, "{all:?}");
    let lines: Vec<_> = all.out.lines().collect();
    let [first, said, why, second, end] = lines[..] else { unreachable!("{all:?}") };
    assert!(first.starts_with("failed  deep: It is not there (smoke/not.sh)  "), "{first}");
    assert_eq!([said.trim(), why.trim()], ["| looking", "| it is not there"]);
    assert!(second.starts_with("passed  smoke: It is there (smoke/here.sh)  "), "{second}");
    assert_eq!(end, "2 tests: 1 failed");

    let one = site.ok(&["test", "930", "--suite", "smoke", "-o", "json"]).await;
    let one: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(
        (&one["tests"][0]["result"], one["tests"].as_array().unwrap().len()),
        (&json!("passed"), 1)
    );

    let unknown = site.phoenix(&["test", "930", "--suite", "smok"]).await;
    assert_eq!(
        (unknown.code, &*unknown.err),
        (5, "error: guest 930 has no suite smok\nhint: it has deep, smoke\n")
    );

    site.ok(&["stop", "930"]).await;
    let stopped = site.phoenix(&["test", "930", "--suite", "smoke"]).await;
    assert_eq!(stopped.code, 1, "{stopped:?}");
    assert!(
        stopped.out.contains("not run smoke: It is there")
            && stopped.out.contains("930 does not run"),
        "{stopped:?}"
    );
}
