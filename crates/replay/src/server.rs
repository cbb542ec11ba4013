//! The server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::asked::{Asked, Log};
use crate::door::Port;
use crate::scene::{Door, Page, Says, Scene};

/// A question is never longer.
const MOST: usize = 64 * 1024;

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Replay {
    at: SocketAddr,
    scenes: std::vec::IntoIter<Scene>,
    now: watch::Sender<Arc<Playing>>,
    /// Tells that the door is as the scene wants it.
    opened: watch::Receiver<u64>,
    log: Arc<Log>,
    /// How many wait for an answer that does not come while this scene lasts.
    waiting: Arc<watch::Sender<usize>>,
    task: JoinHandle<()>,
}

/// A scene, and how often each of its pages was asked for.
#[derive(Debug)]
struct Playing {
    number: u64,
    scene: Scene,
    turns: Vec<AtomicUsize>,
}

impl Playing {
    fn new(number: u64, scene: Scene) -> Arc<Self> {
        let pages = if let Door::Pages(pages) = &scene.door { pages.len() } else { 0 };
        let turns = std::iter::repeat_with(AtomicUsize::default).take(pages).collect();
        Arc::new(Self { number, scene, turns })
    }
}

impl Replay {
    /// Starts one that plays these scenes, and returns when the first has begun.
    pub async fn start(scenes: Vec<Scene>) -> io::Result<Self> {
        Self::start_with(scenes, Log::default()).await
    }

    /// Starts one that forgets what it was asked, for those who ask a million times.
    pub async fn start_without_a_log(scenes: Vec<Scene>) -> io::Result<Self> {
        Self::start_with(scenes, Log::forgetful()).await
    }

    async fn start_with(scenes: Vec<Scene>, log: Log) -> io::Result<Self> {
        let port = Port::any()?;
        let at = port.at;
        let mut scenes = scenes.into_iter();
        let first = scenes.next().unwrap_or_else(|| Scene::refused("nothing"));
        let (now, seen) = watch::channel(Playing::new(1, first));
        let (open, opened) = watch::channel(0);
        let log = Arc::new(log);
        let waiting = Arc::new(watch::Sender::new(0));
        let visit = Visit { now: seen, log: Arc::clone(&log), waiting: Arc::clone(&waiting) };
        let task = tokio::spawn(serve(port, visit, open));
        let mut replay = Self { at, scenes, now, opened, log, waiting, task };
        replay.wait().await?;
        Ok(replay)
    }

    /// Returns where it listens, when it does.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Returns what is played.
    pub fn scene(&self) -> &'static str {
        self.now.borrow().scene.name
    }

    /// Goes to the next scene, and returns when it has begun; without a next one nothing changes.
    pub async fn next(&mut self) -> io::Result<()> {
        match self.scenes.next() {
            Some(scene) => self.play(scene).await,
            None => Ok(()),
        }
    }

    /// Plays this scene, and returns when it has begun.
    pub async fn play(&mut self, scene: Scene) -> io::Result<()> {
        let number = self.now.borrow().number + 1;
        self.now.send_replace(Playing::new(number, scene));
        self.wait().await
    }

    /// Returns what was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.take()
    }

    /// Waits until this was asked: `GET /health`.
    pub async fn was_asked(&self, what: &str) {
        self.log.wait_for(what).await;
    }

    /// Waits until somebody waits for an answer that does not come while this scene lasts.
    pub async fn lets_wait(&self) {
        let mut waiting = self.waiting.subscribe();
        // It ends with the replay, and not before.
        drop(waiting.wait_for(|waiting| *waiting > 0).await);
    }

    async fn wait(&mut self) -> io::Result<()> {
        let number = self.now.borrow().number;
        let opened = self.opened.wait_for(|opened| *opened >= number).await;
        opened.map(drop).map_err(|_| io::Error::other("the replay cannot listen"))
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What whoever attends to a connection has.
#[derive(Clone)]
struct Visit {
    now: watch::Receiver<Arc<Playing>>,
    log: Arc<Log>,
    waiting: Arc<watch::Sender<usize>>,
}

/// Somebody waits in vain, as long as this is there.
struct InVain(Arc<watch::Sender<usize>>);

impl InVain {
    fn new(waiting: &Arc<watch::Sender<usize>>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(Arc::clone(waiting))
    }
}

impl Drop for InVain {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

async fn serve(port: Port, visit: Visit, open: watch::Sender<u64>) {
    let mut now = visit.now.clone();
    let mut guests = JoinSet::new();
    let mut listener = None;
    loop {
        let playing = Arc::clone(&now.borrow_and_update());
        if matches!(playing.scene.door, Door::Refused) {
            listener = None;
            // Whoever dies takes all connections along.
            guests.shutdown().await;
        } else if listener.is_none() {
            let Ok(opened) = port.open() else { return };
            listener = Some(opened);
        }
        open.send_replace(playing.number);
        loop {
            let accepted = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = now.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                Some(_) = guests.join_next() => {}
                Ok((stream, _)) = accepted => {
                    guests.spawn(attend(stream, visit.clone()));
                }
            }
        }
    }
}

/// Attends to one connection. What goes wrong is the other side's.
async fn attend(mut stream: TcpStream, visit: Visit) {
    let Visit { mut now, log, waiting } = visit;
    stream.set_nodelay(true).ok();
    let mut heard = Vec::with_capacity(1024);
    loop {
        let playing = Arc::clone(&now.borrow_and_update());
        let said = match &playing.scene.door {
            Door::Refused | Door::Slammed => return,
            Door::Silent => {
                let _in_vain = InVain::new(&waiting);
                // Whoever gives up is let go; what was said is answered in the next scene.
                let said = tokio::select! {
                    changed = now.changed() => changed.is_ok(),
                    read = stream.read_buf(&mut heard) => matches!(read, Ok(1..)),
                };
                if !said || heard.len() > MOST {
                    return;
                }
                continue;
            }
            Door::Bytes(bytes) => {
                if !matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
                    return;
                }
                let body = String::from_utf8_lossy(&heard).into_owned();
                log.add(Asked { what: "bytes".into(), head: String::new(), body });
                heard.clear();
                bytes.to_vec()
            }
            Door::Pages(_) => {
                let Some(asked) = question(&mut stream, &mut heard).await else { return };
                log.add(asked.clone());
                match answer(&asked, &mut now, &waiting).await {
                    Some(said) => said,
                    None => return,
                }
            }
        };
        if stream.write_all(&said).await.is_err() {
            return;
        }
    }
}

/// Reads a whole question, and leaves what belongs to the next one.
async fn question(stream: &mut TcpStream, said: &mut Vec<u8>) -> Option<Asked> {
    loop {
        let end = said.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(said.get(..end)?).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                value.trim().parse::<usize>().ok().filter(|_| is_length)
            });
            let whole = end + 4 + length.unwrap_or(0);
            if said.len() >= whole {
                let body = String::from_utf8_lossy(said.get(end + 4..whole)?).into_owned();
                said.drain(..whole);
                let what = head.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                return Some(Asked { what, head, body });
            }
        }
        if said.len() > MOST || !matches!(stream.read_buf(said).await, Ok(1..)) {
            return None;
        }
    }
}

/// Returns what the scene says, or the one after it when this one says nothing; `None` is goodbye.
async fn answer(
    asked: &Asked,
    now: &mut watch::Receiver<Arc<Playing>>,
    waiting: &Arc<watch::Sender<usize>>,
) -> Option<Vec<u8>> {
    loop {
        let playing = Arc::clone(&now.borrow_and_update());
        match say(&playing, asked) {
            Says::Answer { status, kind, body } => {
                let length = body.len();
                return Some(
                    format!(
                        "HTTP/1.1 {status} Replayed\r\ncontent-type: {kind}\r\n\
                         content-length: {length}\r\n\r\n{body}"
                    )
                    .into_bytes(),
                );
            }
            Says::Nothing => {
                let _in_vain = InVain::new(waiting);
                now.changed().await.ok()?;
            }
            Says::Goodbye => return None,
        }
    }
}

fn say(playing: &Playing, asked: &Asked) -> Says {
    let pages = match &playing.scene.door {
        Door::Pages(pages) => pages,
        Door::Refused | Door::Slammed => return Says::Goodbye,
        Door::Silent | Door::Bytes(_) => return Says::Nothing,
    };
    let page = pages.iter().zip(&playing.turns).find(|(page, _)| page.fits(&asked.what));
    let Some((Page { needs, says, .. }, turns)) = page else {
        return Says::json(404, r#"{"detail":"Not Found"}"#);
    };
    if let Some((line, otherwise)) = needs
        && !asked.head.lines().any(|said| said == *line)
    {
        return otherwise.clone();
    }
    let turn = turns.fetch_add(1, Ordering::Relaxed);
    says.get(turn).or_else(|| says.last()).cloned().unwrap_or(Says::Nothing)
}
