//! What becomes of the servers while the fleet is being made.

use super::site::{Cluster, SERVERS};

#[tokio::test]
async fn the_leader_is_killed_and_comes_back() {
    let mut cluster = Cluster::begun().await;
    let leader = cluster.leader().await;

    cluster.server(leader).kill();
    cluster.goes_on().await;
    cluster.start(leader);

    cluster.assert_all_is_well("the leader is killed").await;
}

#[tokio::test]
async fn the_leader_is_cut_off_and_comes_back() {
    let mut cluster = Cluster::begun().await;
    let leader = cluster.leader().await;

    cluster.cut_off(leader);
    cluster.goes_on().await;
    cluster.join(leader);

    cluster.assert_all_is_well("the leader is cut off").await;
}

#[tokio::test]
async fn the_leader_stands_still_until_others_lead_and_goes_on() {
    let mut cluster = Cluster::begun().await;
    let leader = cluster.leader().await;

    cluster.server(leader).freeze();
    cluster.goes_on().await;
    cluster.server(leader).thaw();

    cluster.assert_all_is_well("the leader stands still").await;
}

#[tokio::test]
async fn all_servers_are_killed_at_once_and_come_back() {
    let mut cluster = Cluster::begun().await;

    for name in SERVERS {
        cluster.server(name).kill();
    }
    for name in SERVERS {
        cluster.start(name);
    }
    cluster.goes_on().await;

    cluster.assert_all_is_well("all servers are killed").await;
}

#[tokio::test]
async fn a_server_comes_back_empty_and_soon_another_can_be_missed() {
    let mut cluster = Cluster::begun().await;
    let emptied = cluster.leader().await;
    cluster.server(emptied).kill();
    cluster.goes_on().await;

    cluster.wipe(emptied);
    cluster.start(emptied);
    cluster.until_all_have_all().await;
    let leader = cluster.leader().await;
    cluster.server(leader).kill();
    cluster.start(leader);

    cluster.assert_all_is_well("a server comes back empty").await;
}
