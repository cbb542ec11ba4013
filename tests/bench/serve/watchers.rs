//! Pages and terminals that hear of one event after the other.

use std::path::Path;
use std::time::Instant;

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;

use crate::guests::{key, request};
use crate::load::{self, Load};
use crate::processes::Pair;
use crate::usage::memory;

/// How many pages are open.
const PAGES: usize = 200;
/// How many terminals.
const TERMINALS: usize = 8;
/// How many events they hear of.
const EVENTS: u32 = 100;
/// The first guest that nobody has asked for yet; it stays as it is asked for.
const NEW: u32 = 700_000;

pub(super) async fn play(phoenix: &Path, pair: &mut Pair, load: &Load) {
    let served = pair.serve(phoenix, &super::hooks(pair.folder.path()));
    let alone = memory(served.child.id());
    let mut pages = join_all((0..PAGES).map(|_| page(&served.at))).await;
    join_all(pages.iter_mut().map(|page| until(page, "\"guests\""))).await;
    let full = memory(served.child.id());
    println!(
        "a page's memory in the server: {:.0} KiB ({PAGES} pages, {alone:.0} -> {full:.0} MiB)",
        1024.0 * (full - alone) / PAGES as f64
    );
    let mut terminals: Vec<_> =
        (0..TERMINALS).map(|_| BufReader::new(pair.watch(phoenix).1).lines()).collect();
    // Whoever has heard of one event hears of all that follow.
    let (mut nth, mut is_heard) = (NEW, false);
    while !is_heard {
        ask(load, nth).await;
        let name = key(nth).to_string();
        let heard = join_all(terminals.iter_mut().map(|one| until(one, &name)));
        is_heard = tokio::time::timeout(std::time::Duration::from_secs(1), heard).await.is_ok();
        nth += 1;
    }
    let (mut of_pages, mut of_terminals) = (Vec::new(), Vec::new());
    for nth in nth..nth + EVENTS {
        let (name, begun) = (key(nth).to_string(), Instant::now());
        let took = |begun: Instant| 1000.0 * begun.elapsed().as_secs_f64();
        ask(load, nth).await;
        let heard = pages.iter_mut().map(|page| async {
            until(page, &name).await;
            took(begun)
        });
        let told = terminals.iter_mut().map(|one| async {
            until(one, &name).await;
            took(begun)
        });
        let (heard, told) = tokio::join!(join_all(heard), join_all(told));
        of_pages.extend(heard);
        of_terminals.extend(told);
    }
    for (who, of) in [("pages", &mut of_pages), ("`phoenix watch`", &mut of_terminals)] {
        of.sort_by(f64::total_cmp);
        println!(
            "request -> {who}: p50 {:.1} ms, p99 {:.1} ms (n = {}, {PAGES} pages and {TERMINALS} terminals at once; the write to disk included)",
            load::quantile(of, 0.5),
            load::quantile(of, 0.99),
            of.len()
        );
    }
}

/// Asks for a guest that waits for one that nobody makes.
async fn ask(load: &Load, nth: u32) {
    let wish = |_, before: Option<&_>| before.is_none().then(|| request(nth, &[key(999_999)]));
    load.bus.ask(&load.setup, &load.teller, &[key(nth)], wish).await.unwrap();
}

async fn page(at: &str) -> Lines<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.0\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(stream).lines()
}

/// Reads until a line has this in it.
async fn until<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut Lines<R>, text: &str) {
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(text) {
            return;
        }
    }
    panic!("nobody says {text}");
}
