//! What is checked: servers that answer at once, and one that never does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use phoenix_replay::{Page, Replay, Says, Scene, named};

/// A process with servers.
pub(crate) struct Targets {
    child: Child,
    /// Any page, a few bytes.
    pub(crate) page: u16,
    /// A vLLM that is idle, with as many counters as a real one.
    pub(crate) vllm: u16,
    /// Takes connections, and says nothing.
    pub(crate) silent: u16,
}

/// As many bytes as a real one was seen to have.
const COUNTERS: usize = 49_449;

/// Serves until its input ends, which is when whoever started it does.
pub(crate) fn serve() {
    phoenix_service::open_as_many_files_as_may_be().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let page = Scene::pages("a page", [Page::new("GET /*", Says::text(200, "ok\n"))]);
        let mut vllm = named("vllm_ok").unwrap().remove(0);
        pad(&mut vllm);
        let silent = Scene::silent("silent");
        let mut servers = Vec::new();
        for scene in [page, vllm, silent] {
            servers.push(Replay::start_without_a_log(vec![scene]).await.unwrap());
        }
        let ports: Vec<_> = servers.iter().map(|server| server.at().port().to_string()).collect();
        println!("{}", ports.join(" "));
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.ok();
    });
}

fn pad(scene: &mut Scene) {
    let phoenix_replay::Door::Pages(pages) = &mut scene.door else { panic!("not pages") };
    for page in pages.iter_mut().filter(|page| page.asked == "GET /metrics") {
        let Says::Answer { body, .. } = &mut page.says[0] else { panic!("no answer") };
        let mut text = body.to_string();
        let mut number = 0;
        while text.len() < COUNTERS {
            text.push_str("# TYPE vllm:e2e_request_latency_seconds histogram\n");
            let line = format!(
                "vllm:e2e_request_latency_seconds_bucket{{engine=\"0\",le=\"{number}.0\",model_name=\"tiny\"}} 0.0\n"
            );
            text.push_str(&line);
            number += 1;
        }
        *body = text.into();
    }
}

impl Targets {
    pub(crate) fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the targets are in another process")]
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().unwrap()).collect();
        Self { child, page: ports[0], vllm: ports[1], silent: ports[2] }
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
