//! What the journal knows only in part: lost answers, stated settlements, refused sends, amounts that made no sum.

use yibaod::api::refund_settlement_request::Key;
use yibaod::api::resolve_settlement_request::Key as Resolve;
use yibaod::api::{Money, ReconcileRequest, ResolveSettlementRequest, ResolvedAs};

use super::hospital::{ctl, desk, export, platform, read, refund, table, text, whole};
use super::{request, settle, today, told};
use crate::desk::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_in_part_is_no_difference() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let mute = "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n";
    let two = desk(&platform, 2, mute).await;

    platform.arm("F14@2207").expect("a fault");
    assert_eq!(
        settle(&one, "employee", "a-1").await.money(),
        Money::Settled
    );
    platform.arm("F9@2207").expect("a fault");
    let unbalanced = settle(&one, "employee", "a-2").await;
    assert_eq!(unbalanced.money(), Money::Reversed, "{unbalanced:?}");
    let lost = settle(&one, "employee", "a-3").await;
    platform.arm("F1@2208").expect("a fault");
    refund(&one, "b-3", Key::SettlementId(lost.settlement_id.clone())).await;
    let alone = table(&one, request("r-1")).await;
    assert_eq!(told(&alone), [], "{alone:?}");

    platform.arm("F1@2207").expect("a fault");
    let stuck = settle(&two, "employee", "c-1").await;
    assert!(stuck.stuck, "{stuck:?}");
    let there = platform.ledger(|ledger| ledger.settlements());
    let charged = there.last().expect("it was charged").setl_id.clone();
    let stated = ResolveSettlementRequest {
        key: Some(Resolve::SettlementId(stuck.settlement_id.clone())),
        r#as: ResolvedAs::Settled.into(),
        reason: "门户已核对".to_owned(),
        stated_setl_id: charged.clone(),
        ..ResolveSettlementRequest::default()
    };
    let mut client = two.settlements().await;
    client
        .resolve_settlement(stated)
        .await
        .expect("it is taken");

    let all = |id: &str| ReconcileRequest {
        desks: vec![1, 2],
        ..whole(id, vec![read(&export(&two, id))])
    };
    let agreed = table(&one, all("r-2")).await;
    assert_eq!(told(&agreed), [], "{agreed:?}");
    assert!(agreed.error.is_none());
    refund(&two, "b-4", Key::SettlementId(stuck.settlement_id.clone())).await;
    let refunded = table(&one, all("r-3")).await;
    assert_eq!(told(&refunded), [], "{refunded:?}");
    assert_eq!(refunded.refunds, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_the_his_and_a_damaged_export_are_named() {
    let platform = platform().await;
    let one = desk(&platform, 1, "").await;
    let two = desk(&platform, 2, "").await;
    let (socket, day) = (one.socket(), today());
    for content in ["", "\n\n"] {
        let list = one.dir().join("his.csv");
        std::fs::write(&list, content).expect("its folder");
        let words = [
            "--socket",
            text(&socket),
            "reconcile",
            "--date",
            &day,
            "--his",
            text(&list),
        ];
        let out = ctl(&words);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_ne!(out.status.code(), Some(0), "{out:?}");
        assert!(said.contains("E8117"), "{said}");
    }
    let good = read(&export(&two, "two"));
    let cut = good[..good.len() / 2].to_owned();
    let body = ReconcileRequest {
        desks: vec![1, 2],
        ..whole("bad", vec![good, cut])
    };
    let mut client = one.settlements().await;
    let status = client.reconcile(body).await.expect_err("it is damaged");
    assert_eq!(refusal(&status).name, "EXPORT_DAMAGED");
    assert!(status.message().contains("export 2"), "{status:?}");
}
