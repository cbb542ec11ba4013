//! What Alertmanager is told, it keeps until it is told otherwise.

use super::receiver::{Receiver, alertmanager};
use super::*;
use crate::channels::alertmanager::Alertmanager;
use crate::channels::channel::Parcel;

fn at(url: &Url) -> Way {
    Way::Alertmanager(Alertmanager {
        url: phoenix_post::address::below(url, "api/v2/alerts"),
        key: None,
    })
}

fn alerts(parcel: &Parcel) -> Vec<serde_json::Value> {
    let Parcel::Post(post) = parcel else { panic!("{parcel:?}") };
    serde_json::from_slice(&post.body).unwrap()
}

#[tokio::test]
async fn an_incident_is_an_alert_until_it_is_over() {
    let world = World::new().await;
    let mut server = Receiver::start(alertmanager, &[]).await;
    let _delivering = world.deliver(&channel("alerts", at(&server.url())));
    let news = page();

    world.tell(HealthEventKind::IncidentOpened, &news).await;
    let open = body(&server.next().await.body);
    world.tell(HealthEventKind::IncidentResolved, &over(news)).await;
    let ended = body(&server.next().await.body);

    let label = |name: &str| open[0]["labels"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        ["alertname", "guest", "host", "severity", "reason"].map(label),
        ["PhoenixIncident", "950", "pve1", "page", "hung"]
    );
    assert!(open[0].get("endsAt").is_none() && ended[0].get("endsAt").is_some(), "{ended}");
    assert_eq!(open[0]["labels"], ended[0]["labels"]);
    assert!(open[0]["annotations"]["commands"].as_str().unwrap().contains("phoenix repair 950"));
    world.until_nothing_waits().await;
}

#[tokio::test]
async fn what_is_open_is_told_again_and_what_is_over_is_not() {
    let server = Receiver::start(alertmanager, &[]).await;
    let channel = channel("alerts", at(&server.url()));

    let again = alerts(&channel.refresh(&[page(), page()], now()));

    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|alert| alert.get("endsAt").is_none()));
    assert!(matches!(channel.refresh(&[], now()), Parcel::Nothing));
}

#[tokio::test]
async fn an_incident_that_is_known_by_other_labels_now_has_no_alert_left_of_the_old_ones() {
    let channel = channel("alerts", at(&Url::parse("http://127.0.0.1:9093").unwrap()));
    let mut news = page();
    news.incident.severity = Severity::Warn;
    let labels = channel.labels(first(&news));
    let before = Delivered { labels: labels.clone(), ..delivered(1, Severity::Warn) };
    news.incident.severity = Severity::Page;
    let saying = Saying { before: Some(&before), ..first(&news) };

    let both = alerts(&channel.parcel(saying));

    assert_eq!(both.len(), 2);
    assert_eq!(both[0]["labels"], serde_json::to_value(&labels).unwrap());
    assert!(both[0].get("endsAt").is_some() && both[1].get("endsAt").is_none());
    assert_eq!(both[1]["labels"]["severity"], "page");
}
