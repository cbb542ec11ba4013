//! The gateway in a real container: a real nginx, with real sockets behind it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use phoenix_domain::{GuestSpec, Route, Setting, Upstream, Verdict};
use phoenix_engine::Outcome;
use phoenix_hypervisor::Hand;
use phoenix_hypervisor::lxc::Lxc;
use phoenix_testkit::guest;
use phoenix_testkit::lxc::LxcLab;

use super::desk::{Desk, PATIENCE, connect, get, until};
use super::{LIST, again, arrive, assert_same, debian_guest, features, ground, walk};

/// Where the gateway is.
const GATEWAY: &str = "10.77.0.9:80";
/// How large a body is that nginx would refuse by itself fifty times.
const LARGE: usize = 50 << 20;
/// Writes a model of noise, which llama.cpp serves as any other.
const TINY_MODEL: &str = include_str!("tiny_model.py");

/// Returns a guest that is offered, where somebody knows its address.
fn offered(vmid: u64, at: Option<&str>, name: &str, port: u16, scheme: Option<&str>) -> Upstream {
    let mut spec = guest(vmid).name(name).build();
    spec.route = Some(Route { name: name.into(), port, scheme: scheme.map(Into::into) });
    let seen: Vec<_> = at.iter().map(|at| at.parse().unwrap()).collect();
    Upstream::of(&spec, &seen, Vec::new()).unwrap()
}

/// Returns a guest that serves a chat model.
fn chat(vmid: u64, at: &str, name: &str, port: u16) -> Upstream {
    let spec = guest(vmid).name(name).model("tiny").route(name, port).build();
    let mut upstream = Upstream::of(&spec, &[at.parse().unwrap()], Vec::new()).unwrap();
    upstream.model = upstream.model.map(|(server, _)| (server, port));
    upstream
}

fn gateway() -> GuestSpec {
    let mut want = debian_guest(953, "10.77.0.9/24", &["nginx", "gateway"]);
    want.upstreams = vec![
        chat(950, "10.77.0.1", "chat", 8000),
        offered(954, Some("10.77.0.1"), "flows", 5678, None),
        offered(955, Some("10.77.0.1"), "down", 9, None),
        offered(956, None, "lost", 80, None),
        offered(957, Some("10.77.0.9"), "secure", 8443, Some("https")),
        offered(958, Some("10.77.0.1"), "bytes", 5432, Some("tcp")),
    ];
    want
}

/// Has a guest be elsewhere.
fn moved(want: &mut GuestSpec, upstream: Upstream) {
    want.upstreams.retain(|old| old.vmid != upstream.vmid);
    want.upstreams.push(upstream);
}

/// Begins a request with a body of this length.
fn post(lab: &LxcLab, host: &str, path: &str, length: usize) -> TcpStream {
    let mut stream = connect(lab, GATEWAY);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Returns how often nginx was reloaded.
fn reloads(lab: &LxcLab) -> String {
    let count = "journalctl -u nginx.service -o cat | grep -c '^Reloaded' || :";
    lab.inside(953, &["sh", "-c", count])
}

fn says(answer: &str, status: u16, texts: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    for text in texts {
        assert!(answer.contains(text), "`{text}` is not in:\n{answer}");
    }
}

#[tokio::test]
async fn gateway_leads_to_all_and_survives_every_mistake() {
    let (lab, host) = ground();
    let mut want = gateway();

    // None of them is there.
    arrive(&host, &want).await;
    says(&get(&lab, GATEWAY, "10.77.0.9", "/phoenix/health"), 204, &[]);
    for path in ["/flows/", "/down/", "/v1/models"] {
        says(&get(&lab, GATEWAY, "10.77.0.9", path), 502, &[]);
    }
    let lost = "The address of guest 956 lost is not known now.";
    says(&get(&lab, GATEWAY, "10.77.0.9", "/lost/x"), 503, &["Retry-After: 10", lost]);
    says(&get(&lab, GATEWAY, "lost.lab", "/x"), 503, &[lost]);
    says(&get(&lab, GATEWAY, "10.77.0.9", "/nobody"), 404, &["no route of this name or path"]);

    let model = Desk::open(&lab, "10.77.0.1:8000");
    let _flows = Desk::open(&lab, "10.77.0.1:5678");
    let _bytes = Desk::open(&lab, "10.77.0.1:5432");
    every_kind_of_route_leads_to_its_guest(&lab);
    an_answer_arrives_piece_by_piece(&lab, &model);
    a_large_body_arrives_while_it_is_sent(&lab, &model);
    a_web_socket_is_passed_on(&lab);

    assert_eq!(arrive(&host, &want).await, 0, "it has a receipt");
    let (before, reloaded) = (lab.inside(953, &["sh", "-c", LIST]), reloads(&lab));
    again(&lab, 953, "gateway");
    assert!(arrive(&host, &want).await > 0);
    assert_same(&before, &lab.inside(953, &["sh", "-c", LIST]), "gateway");
    assert_eq!(reloads(&lab), reloaded);

    a_guest_that_moved_is_one_reload(&lab, &host, &mut want).await;
    a_mistake_of_somebody_costs_nothing_but_the_change(&lab, &host, &mut want).await;
    a_port_that_is_taken_costs_nothing_but_the_change(&lab, &host, &want).await;
    what_was_changed_by_hand_is_seen_and_put_right(&lab, &host, &want).await;
    a_certificate_has_to_fit_its_key(&lab, &host, &mut want).await;
    what_a_real_model_says_is_passed_on(&lab, &host, &mut want).await;
}

fn every_kind_of_route_leads_to_its_guest(lab: &LxcLab) {
    // By its name nothing of the path is touched; by its path the name of the route is taken away.
    says(
        &get(lab, GATEWAY, "flows.lab.home.arpa", "/a%2Fb/flows/?q=1"),
        200,
        &[
            "GET /a%2Fb/flows/?q=1 HTTP/1.1\r\n",
            "Host: flows.lab.home.arpa\r\n",
            "X-Real-IP: 10.77.0.1",
        ],
    );
    let by_path = get(lab, GATEWAY, "10.77.0.9", "/flows/a/b?q=1");
    says(&by_path, 200, &["GET /a/b?q=1 HTTP/1.1\r\n", "X-Forwarded-Prefix: /flows\r\n"]);
    says(&by_path, 200, &["X-Forwarded-For: 10.77.0.1\r\n", "X-Forwarded-Proto: http\r\n"]);
    says(&get(lab, GATEWAY, "10.77.0.9", "/flows"), 301, &["/flows/"]);
    says(
        &get(lab, GATEWAY, "10.77.0.9", "/flows/login"),
        302,
        &["/flows/home\r\n", "Set-Cookie: id=1; Path=/flows/"],
    );
    says(&get(lab, GATEWAY, "flows", "/login"), 302, &["Location: /home\r\n", "Path=/\r\n"]);
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/models"] {
        let asked = format!("GET {path} HTTP/1.1\r\n");
        says(&get(lab, GATEWAY, "10.77.0.9", path), 200, &[&asked, "Host: 10.77.0.9\r\n"]);
    }
    says(&get(lab, GATEWAY, "10.77.0.9", "/v1/embeddings"), 404, &[]);

    // A guest that speaks TLS itself, with a certificate nobody signed; and the gateway's own TLS.
    let speak = "systemd-run --quiet --unit=secure openssl s_server -quiet -accept 8443 -www \
                 -cert /etc/nginx/phoenix.pem -key /etc/nginx/phoenix.pem; \
                 until openssl s_client -connect 127.0.0.1:8443 </dev/null >/dev/null 2>&1; do :; done";
    lab.inside(953, &["sh", "-c", speak]);
    says(&get(lab, GATEWAY, "secure", "/"), 200, &["Cipher"]);
    says(&get(lab, GATEWAY, "10.77.0.9", "/secure/"), 200, &["Cipher"]);
    let by_tls = "printf 'GET /x HTTP/1.0\\r\\nHost: flows\\r\\n\\r\\n' | \
                  openssl s_client -quiet -connect 127.0.0.1:443 2>/dev/null";
    says(&lab.inside(953, &["sh", "-c", by_tls]), 200, &["X-Forwarded-Proto: https\r\n"]);

    let mut bytes = connect(lab, "10.77.0.9:5432");
    bytes.write_all(b"GET /bytes HTTP/1.1\r\n\r\n").unwrap();
    says(&until(&mut bytes, "\r\n\r\n"), 200, &[]);
}

/// What a model says first is there before it has said the rest.
fn an_answer_arrives_piece_by_piece(lab: &LxcLab, model: &Desk) {
    for (host, path) in [("chat", "/pieces"), ("10.77.0.9", "/chat/pieces")] {
        let mut stream = connect(lab, GATEWAY);
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
            .unwrap();
        let first = until(&mut stream, "data: one\n\n");
        assert!(first.ends_with("data: one\n\n"), "{first}");
        model.go_on();
        let second = until(&mut stream, "data: two\n\n");
        assert!(second.ends_with("data: two\n\n"), "{second}");
    }
}

fn a_large_body_arrives_while_it_is_sent(lab: &LxcLab, model: &Desk) {
    let mut stream = post(lab, "chat", "/weigh", LARGE);
    stream.write_all(&vec![b'x'; LARGE / 2]).unwrap();
    model.until_begun();
    stream.write_all(&vec![b'x'; LARGE / 2]).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    says(&said, 200, &[&format!("\r\n\r\n{LARGE}")]);
    // The others have a limit, and it is said before all of the body was sent.
    let mut too_much = post(lab, "flows", "/weigh", 200 << 20);
    says(&until(&mut too_much, "\r\n\r\n"), 413, &[]);
}

fn a_web_socket_is_passed_on(lab: &LxcLab) {
    for (host, path) in [("flows", "/echo"), ("10.77.0.9", "/flows/echo")] {
        let mut stream = connect(lab, GATEWAY);
        let ask = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        );
        stream.write_all(ask.as_bytes()).unwrap();
        says(&until(&mut stream, "\r\n\r\n"), 101, &[]);
        for word in ["hello", "again"] {
            stream.write_all(word.as_bytes()).unwrap();
            assert_eq!(until(&mut stream, word), word);
        }
    }
}

async fn a_guest_that_moved_is_one_reload(lab: &LxcLab, host: &Lxc, want: &mut GuestSpec) {
    lab.address("10.77.0.2/24");
    let _moved = Desk::open(lab, "10.77.0.2:5679");
    let count = |text: String| text.trim().parse::<u32>().unwrap();
    let before = count(reloads(lab));
    // It goes on while the files are exchanged.
    let mut open = connect(lab, GATEWAY);
    let ask =
        "GET /echo HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    open.write_all(ask.as_bytes()).unwrap();
    says(&until(&mut open, "\r\n\r\n"), 101, &[]);
    moved(want, offered(954, Some("10.77.0.2"), "flows", 5679, None));

    assert_eq!(arrive(host, want).await, 2, "installed, and shows anew that it works");

    assert_eq!(count(reloads(lab)), before + 1);
    says(&get(lab, GATEWAY, "flows", "/"), 200, &["Host: flows"]);
    open.write_all(b"still").unwrap();
    assert_eq!(until(&mut open, "still"), "still");
    let left = lab.inside(953, &["sh", "-c", "ls /etc/nginx/phoenix.d | wc -l"]);
    assert_eq!(left.trim(), "1", "what was before is gone");
    host.check_features(want, &Hand::default()).await.unwrap();
}

/// Walks, and returns how a human is asked what to do about it.
async fn refused(host: &Lxc, want: &GuestSpec, verdict: Verdict) -> String {
    match walk(host, want).await {
        Outcome::Stuck { err, .. } => {
            assert_eq!(err.verdict(), verdict, "{err:?}");
            format!("{err:?}")
        }
        outcome @ (Outcome::Arrived { .. } | Outcome::Halted { .. }) => panic!("{outcome:?}"),
    }
}

async fn a_mistake_of_somebody_costs_nothing_but_the_change(
    lab: &LxcLab,
    host: &Lxc,
    want: &mut GuestSpec,
) {
    let site = "printf 'server {\\n  listen 81;\\n  lisen 82;\\n}\\n' >/etc/nginx/conf.d/mine.conf";
    lab.inside(953, &["sh", "-c", site]);
    let pid = lab.inside(953, &["systemctl", "show", "-p", "MainPID", "nginx.service"]);
    let mut more = want.clone();
    more.upstreams.push(offered(959, Some("10.77.0.1"), "more", 5678, None));

    let why = refused(host, &more, Verdict::AskHuman).await;

    assert!(
        why.contains("unknown directive \\\"lisen\\\" in /etc/nginx/conf.d/mine.conf:3"),
        "{why}"
    );
    assert!(why.contains("those before stay"), "{why}");
    says(&get(lab, GATEWAY, "flows", "/"), 200, &["Host: flows"]);
    says(&get(lab, GATEWAY, "more", "/"), 404, &[]);
    assert_eq!(lab.inside(953, &["systemctl", "show", "-p", "MainPID", "nginx.service"]), pid);

    // Mended, it goes on, and the site of their own is served beside the routes.
    lab.inside(953, &["sed", "-i", "s/lisen 82/return 200 mine/", "/etc/nginx/conf.d/mine.conf"]);
    arrive(host, &more).await;
    says(&get(lab, GATEWAY, "more", "/"), 200, &[]);
    says(&get(lab, "10.77.0.9:81", "x", "/"), 200, &["mine"]);
    *want = more;
}

async fn a_port_that_is_taken_costs_nothing_but_the_change(
    lab: &LxcLab,
    host: &Lxc,
    want: &GuestSpec,
) {
    let mut more = want.clone();
    more.upstreams.push(offered(960, Some("10.77.0.1"), "taken", 8443, Some("tcp")));

    let why = refused(host, &more, Verdict::Retry).await;

    assert!(why.contains("bind() to ") && why.contains(":8443 failed"), "{why}");
    says(&get(lab, GATEWAY, "flows", "/"), 200, &["Host: flows"]);
    // It would start again as it is.
    lab.inside(953, &["systemctl", "restart", "nginx.service"]);
    says(&get(lab, GATEWAY, "flows", "/"), 200, &["Host: flows"]);
    arrive(host, want).await;
    host.check_features(want, &Hand::default()).await.unwrap();
}

async fn what_was_changed_by_hand_is_seen_and_put_right(
    lab: &LxcLab,
    host: &Lxc,
    want: &GuestSpec,
) {
    let script = std::fs::read_to_string(features().join("gateway/test/break.sh")).unwrap();
    lab.inside(953, &["sh", "-c", &script]);

    let err = host.check_features(want, &Hand::default()).await.unwrap_err();

    assert!(err.to_string().contains("somebody has changed the routes"), "{err}");
    again(lab, 953, "gateway");
    arrive(host, want).await;
    host.check_features(want, &Hand::default()).await.unwrap();

    // A reload that was forgotten is drift as well.
    let other = "cd /etc/nginx && cp -r phoenix.d/* phoenix.d/0000 && ln -sfn /etc/nginx/phoenix.d/0000 phoenix";
    lab.inside(953, &["sh", "-c", other]);
    let err = host.check_features(want, &Hand::default()).await.unwrap_err();
    assert!(err.to_string().contains("systemctl reload nginx"), "{err}");
    again(lab, 953, "gateway");
    arrive(host, want).await;
    host.check_features(want, &Hand::default()).await.unwrap();
}

async fn a_certificate_has_to_fit_its_key(lab: &LxcLab, host: &Lxc, want: &mut GuestSpec) {
    let made = "cd /root && for n in a b; do openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=$n \
                -keyout $n.key -out $n.pem 2>/dev/null; done";
    lab.inside(953, &["sh", "-c", made]);
    let mut set = |certificate: &str, key: &str| {
        let values = [("certificate", certificate), ("key", key)];
        let values = values.map(|(name, value)| (name.into(), Setting::Text(value.into())));
        want.parameters.insert("gateway".parse().unwrap(), values.into());
        want.clone()
    };

    let why = refused(host, &set("/root/a.pem", "/root/b.key"), Verdict::AskHuman).await;
    assert!(why.contains("the certificate /root/a.pem is not for the key /root/b.key"), "{why}");
    let why = refused(host, &set("/root/a.pem", ""), Verdict::AskHuman).await;
    assert!(why.contains("belong together"), "{why}");

    arrive(host, &set("/root/a.pem", "/root/a.key")).await;
    let subject = "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -subject";
    assert_eq!(lab.inside(953, &["sh", "-c", subject]).trim(), "subject=CN = a");
}

/// The server of llama.cpp, with a model that is made here. It stands in the guest of the gateway to
/// spare a second one.
async fn what_a_real_model_says_is_passed_on(lab: &LxcLab, host: &Lxc, want: &mut GuestSpec) {
    const MODEL: &str = "/var/lib/llamacpp/models/noise.gguf";
    lab.trust("local", 953);
    want.features.push("llamacpp".parse().unwrap());
    arrive(host, want).await;
    lab.inside(953, &["python3", "-c", TINY_MODEL, MODEL]);
    let set =
        [("model", Setting::Text("noise.gguf".into())), ("context_size", Setting::Number(256))];
    let set = set.map(|(name, value)| (name.into(), value));
    want.parameters.insert("llamacpp".parse().unwrap(), set.into());
    moved(want, chat(950, "10.77.0.9", "chat", 8081));
    arrive(host, want).await;
    until_loaded(lab);

    says(&get(lab, GATEWAY, "10.77.0.9", "/v1/models"), 200, &["noise.gguf"]);
    let body = r#"{"messages":[{"role":"user","content":"say something"}],"stream":true,"grammar":"root ::= [a-z]{12}"}"#;
    for (to, path) in [("10.77.0.9", "/v1/chat/completions"), ("chat", "/v1/chat/completions")] {
        let mut stream = post(lab, to, path, body.len());
        stream.write_all(body.as_bytes()).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said);
        says(&said, 200, &["Content-Type: text/event-stream", "data: [DONE]"]);
        let pieces = said.matches("\"content\":\"").count();
        assert_eq!(pieces, 12, "a letter each:\n{said}");
    }
}

/// Waits until the model is loaded: before that its server does not listen, or answers with 503.
fn until_loaded(lab: &LxcLab) {
    let begun = Instant::now();
    while !get(lab, GATEWAY, "chat", "/health").starts_with("HTTP/1.1 200 ") {
        assert!(begun.elapsed() < PATIENCE, "the model is never loaded");
        sleep(Duration::from_millis(100));
    }
}
