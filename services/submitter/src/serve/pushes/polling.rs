//! Asks the forge where the branch is, as deliveries may get lost.

use std::convert::Infallible;
use std::time::Duration;

use phoenix_bus::{Became, ToldPush};
use tokio::time::sleep;

use super::Pushes;
use crate::serve::again::Trouble;
use crate::session;

impl Pushes {
    /// Asks again and again; first of all for what was pushed while nobody served.
    pub(super) async fn polling(&self) -> Infallible {
        let Some(every) = self.fleet.poll else {
            self.try_once().await;
            return std::future::pending().await;
        };
        let mut trouble = Trouble::none();
        loop {
            match self.poll().await {
                Ok(()) => {
                    trouble = Trouble::none();
                    sleep(about(every)).await;
                }
                Err(err) => trouble.pause(&self.remarks, &self.who(), &err).await,
            }
        }
    }

    /// Tells where the branch cannot be read, long before somebody pushes.
    async fn try_once(&self) {
        if let Err(err) = self.git.tip_there().await {
            let why = phoenix_domain::chain(&err);
            self.remark(&format!("the branch cannot be read now: {why}; {}", err.advice())).await;
        }
    }

    async fn poll(&self) -> Result<(), String> {
        let tip = self.git.tip_there().await;
        let tip =
            tip.map_err(|err| format!("{}; {}", phoenix_domain::chain(&err), err.advice()))?;
        let commit = tip.as_str().to_owned();
        let note = self.noted().await.map_err(|err| phoenix_domain::chain(&err))?;
        let is_known = note.seen.as_deref() == Some(tip.as_str())
            || note.told.iter().any(|told| told.commit == commit);
        if is_known {
            return Ok(());
        }
        let id = format!("poll-{commit}");
        let push = ToldPush {
            id,
            at: session::now(),
            commit,
            by: "polling".to_owned(),
            waits: false,
            traceparent: None,
        };
        let wanted = async {
            let became = Became::Wanted { until: None, asks: None };
            self.settle(&push, &became, None).await?;
            self.want(&push).await
        };
        wanted.await.map_err(|err| phoenix_domain::chain(&err))
    }
}

/// Returns about this long, so that not all who poll do so at once.
fn about(every: Duration) -> Duration {
    let [random, ..] = uuid::Uuid::new_v4().into_bytes();
    every.mul_f64(0.9 + 0.2 * f64::from(random) / 255.0)
}
