//! Answers those who ask what would be done. It looks at the host, and changes nothing.

use std::sync::Arc;

use phoenix_bus::{Answer, Asked, BusError, Question};
use phoenix_hypervisor::Hypervisor;
use tokio::task::JoinSet;
use tracing::debug;

use crate::context::{Context, chain};
use crate::forecast::forecast;

/// How many questions are answered at once; the others wait.
const AT_ONCE: usize = 8;

/// Answers until the worker ends.
pub(crate) async fn run<H: Hypervisor + 'static>(context: Arc<Context<H>>) -> Result<(), BusError> {
    let mut questions = context.bus.questions(&context.worker.host).await?;
    let mut answers = JoinSet::new();
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(_) = answers.join_next() => {}
            asked = questions.next(), if answers.len() < AT_ONCE => match asked {
                Some(asked) => { answers.spawn(answer(Arc::clone(&context), asked)); }
                // The connection is closed, so the worker is about to end.
                None => context.shutdown.cancelled().await,
            },
        }
    }
    // Who asked a worker that ends asks the next one.
    answers.shutdown().await;
    Ok(())
}

async fn answer<H: Hypervisor>(context: Arc<Context<H>>, asked: Asked) {
    let answer = match &asked.question {
        Ok(Question::Hello) => Answer::Here { worker: context.worker.clone() },
        Ok(Question::Plan { guest, goal, parent }) => {
            debug!(guest = %guest.vmid, ?goal, "asked what would be done");
            match forecast(&context.host, guest, *goal, parent.as_deref()).await {
                Ok(forecast) => Answer::Plan(Box::new(forecast)),
                Err(err) => failed(&err, err.advice()),
            }
        }
        Err(err) => failed(err, Some("use the same version of phoenix on both sides")),
    };
    asked.answer(&answer).await;
}

fn failed(err: &dyn std::error::Error, advice: Option<&str>) -> Answer {
    Answer::Failed { what: chain(err), advice: advice.map(str::to_owned) }
}
