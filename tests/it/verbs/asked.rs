//! What a worker is asked.

use phoenix_bus::{Answer, Question};

use super::site::Site;

#[tokio::test]
async fn a_submit_asks_a_host_once_about_all_its_guests() {
    let (site, mut worker) = Site::complete().await;
    worker.kill();
    let mut questions = site.inner.bus.questions(&"pve1".parse().unwrap()).await.unwrap();
    let answer = tokio::spawn(async move {
        let mut asked = 0;
        while let Some(question) = questions.next().await {
            if matches!(question.question, Ok(Question::Hello)) {
                let worker = phoenix_domain::WorkerName {
                    host: "pve1".parse().unwrap(),
                    instance: "a stub".to_owned(),
                };
                question.answer(&Answer::Here { worker }).await;
            } else {
                asked += 1;
                let what = "it looks away".to_owned();
                question.answer(&Answer::Failed { what, advice: None }).await;
                if asked == 4 {
                    break;
                }
            }
        }
        asked
    });

    let submitted = site.ok(&["submit", "950"]).await;

    assert!(submitted.out.contains("nothing to ask for"), "{submitted:?}");
    site.inner.bus.close().await;
    assert_eq!(answer.await.unwrap(), 1);
}
