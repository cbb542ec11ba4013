//! Nine durable steps that do nothing, on Restate: serves them, asks for them, and says how long that took.
//!
//! It is told where the server takes questions and where it is administered. Each line of its input is how many are
//! asked for at once and how many in all; for each it answers a line of JSON.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use restate_sdk::prelude::*;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

struct Guest;

#[service]
impl Guest {
    #[handler]
    async fn make(&self, context: Context<'_>, guest: u64) -> HandlerResult<u64> {
        for _ in 0..9 {
            context.run(|| async { Ok(()) }).name("step").await?;
        }
        Ok(guest)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(ingress), Some(admin)) = (words.next(), words.next()) else {
        return Err("usage: phoenix-peer-restate INGRESS ADMIN".into());
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let own = format!("http://{}", listener.local_addr()?);
    let endpoint = Endpoint::builder().bind(Guest).build();
    tokio::spawn(HttpServer::new(endpoint).serve(listener));
    let client = reqwest::Client::new();
    let deployment = json!({ "uri": own });
    let begun = Instant::now();
    loop {
        let asked = client.post(format!("{admin}/deployments")).json(&deployment).send().await;
        match asked {
            Ok(answer) if answer.status().is_success() => break,
            Ok(_) | Err(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(POLL).await,
            Ok(answer) => return Err(answer.text().await?.into()),
            Err(err) => return Err(err.into()),
        }
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (at_once, total) = line.split_once(' ').ok_or("a line is two numbers")?;
        let (at_once, total): (usize, u64) = (at_once.parse()?, total.parse()?);
        let begun = Instant::now();
        let made = futures_util::stream::iter(0..total).map(|guest| {
            let (client, url) = (client.clone(), format!("{ingress}/Guest/make"));
            async move {
                let begun = Instant::now();
                // Until all parts of a server that has just started know of it, it says that there is no such service.
                loop {
                    let answer = client.post(&url).json(&guest).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        return 1000.0 * begun.elapsed().as_secs_f64();
                    }
                    assert!(begun.elapsed() < PATIENCE, "{url} does not answer");
                    tokio::time::sleep(POLL).await;
                }
            }
        });
        let mut times: Vec<f64> = made.buffer_unordered(at_once).collect().await;
        let seconds = begun.elapsed().as_secs_f64();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize);
        println!("{}", json!({ "seconds": seconds, "p50": at(0.5), "p99": at(0.99) }));
    }
    Ok(())
}
