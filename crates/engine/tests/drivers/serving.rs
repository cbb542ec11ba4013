//! vLLM as a service in a real guest, with something else in place of vLLM: no machine of ours has a
//! card for it.

use std::fs;
use std::path::{Path, PathBuf};

use phoenix_domain::{Goal, GuestSpec};
use phoenix_engine::Outcome;
use phoenix_hypervisor::Hand;
use phoenix_testkit::guest;

use crate::ground::{Ground, Plain, on_net};
use crate::suite::told;

/// In place of the installation, which would download gigabytes.
const INSTALL: &str = "#!/bin/sh\nset -eu\n\
    useradd --system --home-dir /var/lib/vllm --create-home vllm 2>/dev/null || :\n\
    mkdir -p /opt/vllm/bin\ninstall -m 755 server /opt/vllm/bin/vllm\n\
    printf '#!/bin/sh\\necho 0.33.0 2.9.0\\n' >/opt/vllm/bin/python\nchmod +x /opt/vllm/bin/python\n";

/// Has its engine die, and waits until it is back.
const DIE: &str = "ask() { perl -MIO::Socket::INET -e '\
    my $s = IO::Socket::INET->new(\"127.0.0.1:8000\") or exit 1; \
    print $s \"$ARGV[0] HTTP/1.0\\r\\n\\r\\n\"; exit !(<$s> // \"\") =~ / 200 /' \"$1\"; }; \
    ask 'POST /die'; \
    until [ $(wc -l </var/lib/vllm/started) = 3 ] && ask 'GET /health'; do sleep 0.2; done";

#[tokio::test]
async fn a_model_is_served_by_a_unit_that_is_as_the_spec_says() {
    let ground = Plain::default();
    let archive = ground.lab.debian();
    for folder in ["lib", "vllm"] {
        bring(&ground, folder);
    }
    ground.feature("vllm", INSTALL);
    let server = fs::read_to_string(features().join("vllm/test/server")).unwrap();
    ground.write("features/vllm/server", &server);
    let started = || ground.lab.inside(950, &["cat", "/var/lib/vllm/started"]);
    let line = |more: &str| {
        format!("serve|org/model|--host|0.0.0.0|--port|8000|--served-model-name|org/model{more}")
    };

    // What a shell, or systemd, could take for something else arrives as it is.
    let odd = want(archive, &["--dtype", "a \"b\" $HOME %n \\x", "--seed", "1"]);
    ground.arrive(&odd).await;
    assert_eq!(started().trim_end(), line("|--dtype|a \"b\" $HOME %n \\x|--seed|1"));
    assert_eq!(ground.arrive(&odd).await, 0);
    assert_eq!(started().lines().count(), 1, "nothing was started again");

    let next = want(archive, &["--seed", "2"]);
    ground.arrive(&next).await;
    assert_eq!(started().lines().nth(1), Some(&*line("|--seed|2")));

    // It ends with 0 when its engine dies, and has to be started again all the same.
    ground.lab.inside(950, &["sh", "-c", DIE]);
    ground.host().check_features(&next, &Hand::default()).await.unwrap();

    // What it says of a wrong argument is what is said of the guest.
    let Outcome::Stuck { err, .. } =
        ground.walk(&want(archive, &["--sead", "2"]), Goal::Present).await
    else {
        unreachable!("it does not know the argument")
    };
    assert!(told(&err).contains("ends again and again while it loads org/model"), "{}", told(&err));
    assert!(err.output().unwrap().contains("unrecognized arguments: --sead"), "{err:?}");

    ground.lab.inside(950, &["systemctl", "stop", "vllm"]);
    let err = ground.host().check_features(&next, &Hand::default()).await.unwrap_err();
    assert!(err.to_string().contains("vllm.service is"), "{err}");
}

fn want(archive: &str, arguments: &[&str]) -> GuestSpec {
    let guest = guest(950).archive(archive).storage("fast").memory(1024);
    let guest = guest.features(&["vllm"]).model("org/model").arguments(arguments);
    on_net(guest.build(), "10.77.0.9/24")
}

fn features() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../features")
}

/// Brings the files of a folder of the real library.
fn bring(ground: &Plain, folder: &str) {
    for entry in fs::read_dir(features().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            ground.write(&format!("features/{folder}/{name}"), &fs::read_to_string(&path).unwrap());
        }
    }
}
