//! A guest that only its making again mends.

use phoenix_domain::{EventKind, Fact, Vmid};

use super::Watched;
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_is_made_again_by_a_human_who_is_told_where_the_old_one_went() {
    let watched = Watched::new().await;
    let _monitor = watched.monitor("only");
    watched.until_found("healthy").await;
    let undeclared = watched.phoenix(&["repair", "953", "--rung", "recreate", "--yes"]).await;
    assert_eq!(undeclared.code, 1, "{undeclared:?}");
    assert!(undeclared.err.contains(r#""health": {"stateless": true}"#), "{undeclared:?}");
    watched.write_gateway(r#""health": { "stateless": true },"#);
    watched.submit(&["953"]).await;
    watched.break_it("hand").await;
    watched.until_found("failed").await;
    let unasked = watched.phoenix(&["repair", "953", "--rung", "recreate"]).await;
    assert!(unasked.err.contains("`--yes`"), "nobody agreed: {unasked:?}");

    let done = watched.phoenix(&["repair", "953", "--rung", "recreate", "--yes"]).await;

    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("under the first free number from 953000 on"), "{done:?}");
    assert!(
        done.out.contains("made again") && done.out.contains("the old one is 953000"),
        "{done:?}"
    );
    assert!(done.err.contains("the old one stands still under 953000"), "{done:?}");
    watched.until_found("healthy").await;
    let said = watched.until_said(EventKind::Completed).await;
    let Fact::Completed(completed) = said.fact else { unreachable!("{said:?}") };
    assert_eq!(completed.set_aside.map(Vmid::number), Some(953_000));
    assert_eq!(watched.site.host.begun(lxc(953), "set-aside"), 1);
}
