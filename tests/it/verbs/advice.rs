//! What the programs tell a person to type next.

use super::site::Site;

#[tokio::test]
async fn where_the_file_is_to_be_mended_the_advice_is_to_submit_it() {
    let (site, _worker) = Site::complete().await;
    site.write(512, 10);

    let refused = site.phoenix(&["submit", "950"]).await;
    let status = site.ok(&["status", "950"]).await;

    assert_eq!(refused.code, 9, "{refused:?}");
    assert!(refused.out.contains("mend its file, then `phoenix submit 950`"), "{refused:?}");
    assert!(status.out.contains("mend its file, then `phoenix submit 950`"), "{status:?}");
    assert!(!refused.out.contains("retry") && !status.out.contains("retry"), "{status:?}");
    site.write(512, 20);
    site.ok(&["submit", "950"]).await;
}

#[tokio::test]
async fn a_run_that_completed_is_shown_so_whatever_was_asked_for_since() {
    let (site, _worker) = Site::complete().await;
    site.write(1024, 20);
    site.ok(&["submit", "950"]).await;

    let runs = site.ok(&["runs"]).await;

    let states: Vec<_> = runs.out.lines().skip(1).map(|line| line.split("  ").last()).collect();
    assert_eq!(states, [Some("1 completed"), Some("4 completed")], "{runs:?}");
}
