//! Answers those who ask what would be done. It looks at the host, and changes nothing.

use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use phoenix_bus::{Answer, Asked, Blind, BusError, Inquiry, Question};
use phoenix_domain::chain;
use phoenix_domain::{FileName, GuestKey, GuestSpec};
use phoenix_hypervisor::{Depth, Hand, Hypervisor, Inspected, Lock, Tested};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::debug;

use crate::context::Context;
use crate::forecast::forecast;

/// How many guests are looked at at once, whoever asks about them; the others wait.
const AT_ONCE: usize = 8;
/// How many questions are answered at once; the others wait.
const QUESTIONS: usize = 64;

/// Answers until the worker ends.
pub(crate) async fn run<H: Hypervisor + 'static>(context: Arc<Context<H>>) -> Result<(), BusError> {
    let mut questions = context.bus.questions(&context.worker.host).await?;
    let (mut answers, looks) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(_) = answers.join_next() => {}
            asked = questions.next(), if answers.len() < QUESTIONS => match asked {
                Some(asked) => { answers.spawn(answer(Arc::clone(&context), Arc::clone(&looks), asked)); }
                // The connection is closed, so the worker is about to end.
                None => context.shutdown.cancelled().await,
            },
        }
    }
    // Who asked a worker that ends asks the next one.
    answers.shutdown().await;
    Ok(())
}

async fn answer<H: Hypervisor>(context: Arc<Context<H>>, looks: Arc<Semaphore>, asked: Asked) {
    match &asked.question {
        Ok(Question::Hello) => asked.answer(&Answer::Here { worker: context.worker.clone() }).await,
        Ok(Question::Plan { guests }) => {
            debug!(guests = guests.len(), "asked what would be done");
            let look = |(nth, inquiry): (usize, Inquiry)| {
                let (context, looks, asked) = (&context, &looks, &asked);
                async move {
                    // Nobody closes it.
                    let _permit = looks.acquire().await;
                    asked.answer(&seen(context, nth, &inquiry).await).await;
                }
            };
            let each = stream::iter(guests.clone().into_iter().enumerate());
            each.map(look).buffer_unordered(AT_ONCE).collect::<()>().await;
        }
        Ok(Question::Inspect { guest, checks }) => {
            asked.answer(&inspected(&context, guest, *checks).await).await;
        }
        Ok(Question::Test { guest, script }) => {
            asked.answer(&tested(&context, guest, script).await).await;
        }
        Err(err) => {
            let advice = Some("use the same version of phoenix on both sides".to_owned());
            asked.answer(&Answer::Failed { what: chain(err), advice }).await;
        }
    }
}

/// Looks into a guest. Nobody who works on it is waited for, or kept from it.
async fn inspected<H: Hypervisor>(context: &Context<H>, guest: &GuestSpec, checks: bool) -> Answer {
    if let Err(err) = context.stock.fill(&context.bus, &guest.brings).await {
        let (what, advice) = err.said();
        return Answer::Failed { what, advice };
    }
    let depth = if checks { Depth::Checks } else { Depth::Processes };
    match context.host.inspect(guest, depth, &Hand::holding([])).await {
        Ok(Inspected { is_running, processes, ailing, elsewhere, docker }) => {
            Answer::Inspected { is_running, processes, ailing, elsewhere, docker }
        }
        Err(err) => {
            let advice = err.advice().map(str::to_owned);
            Answer::Failed { what: chain(&err), advice }
        }
    }
}

/// Runs a test. Nothing else is done in the guest meanwhile, and nothing that is done is disturbed.
async fn tested<H: Hypervisor>(
    context: &Context<H>,
    guest: &GuestSpec,
    script: &FileName,
) -> Answer {
    let key = GuestKey::from(guest);
    let lock = match Lock::try_take(&context.lock_file(&key.to_string())) {
        Ok(lock) => lock,
        Err(err) => {
            let what = format!("{key} is being worked on: {}", chain(&err));
            let advice =
                format!("`phoenix status {}` says by whom; test it when it is done", key.vmid);
            return Answer::Failed { what, advice: Some(advice) };
        }
    };
    let begun = Instant::now();
    match context.host.test(guest, script, &Hand::holding([&lock])).await {
        Ok(Tested { passed, output }) => {
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Answer::Tested { passed, output, took_ms }
        }
        Err(err) => {
            let advice = err.advice().map(str::to_owned);
            Answer::Failed { what: chain(&err), advice }
        }
    }
}

async fn seen<H: Hypervisor>(context: &Context<H>, nth: usize, asked: &Inquiry) -> Answer {
    let want = GuestSpec::clone(&asked.guest);
    let guest = GuestKey::from(&want);
    let Some(want) = context.told_where(want, guest).await else {
        let why = Blind { what: "the worker is about to end".to_owned(), advice: None };
        return Answer::Blind { nth, why };
    };
    if let Err(err) = context.stock.fill(&context.bus, &want.brings).await {
        let (what, advice) = err.said();
        return Answer::Blind { nth, why: Blind { what, advice } };
    }
    match forecast(&context.host, &want, asked.goal, asked.parent.as_deref()).await {
        Ok(forecast) => Answer::Plan { nth, forecast: Box::new(forecast) },
        Err(err) => {
            let why = Blind { what: chain(&err), advice: err.advice().map(str::to_owned) };
            Answer::Blind { nth, why }
        }
    }
}
