//! Another system of the same hospital: it speaks to the platform itself, and no journal hears of it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use yibaod::api::Settlement;
use yibaod::sandbox::platform::{Options, Platform};

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// One call, not signed in and without the gateway's headers; it must succeed.
async fn call(platform: &Platform, infno: &str, input: Value) {
    let before = json!({ "check_headers": false, "sign_in_required": false });
    platform.switch(&before).expect("switches of the sandbox");
    let options = Options::default();
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    let body = json!({
        "infno": infno,
        "msgid": format!("{}{}9{serial:03}", options.fixmedins_code, now.strftime("%Y%m%d%H%M%S")),
        "mdtrtarea_admvs": options.area, "insuplc_admdvs": options.area,
        "recer_sys_code": "MBS_LOCAL", "infver": "1.0.0",
        "opter_type": "1", "opter": "other", "opter_name": "other",
        "inf_time": now.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        "fixmedins_code": options.fixmedins_code, "fixmedins_name": options.fixmedins_name,
        "sign_no": "", "input": input,
    })
    .to_string();
    let request = format!(
        "POST /fsi/api/{infno} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(platform.addr())
        .await
        .expect("it listens");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("it answers");
    assert!(answer.contains("\"infcode\":0"), "{infno}: {answer}");
    let after = json!({ "check_headers": true, "sign_in_required": true });
    platform.switch(&after).expect("switches of the sandbox");
}

/// 2208 of somebody's settlement.
pub(super) async fn refund(platform: &Platform, settled: &Settlement) {
    let data = json!({
        "setl_id": settled.setl_id, "mdtrt_id": settled.mdtrt_id, "psn_no": settled.psn_no,
        "exp_content": "",
    });
    call(platform, "2208", json!({ "data": data })).await;
}

/// 2601 of somebody's settlement: as if it had never been.
pub(super) async fn reverse(platform: &Platform, settled: &Settlement) {
    let data = json!({
        "psn_no": settled.psn_no, "omsgid": settled.msgid, "oinfno": "2207",
    });
    call(platform, "2601", json!({ "data": data })).await;
}
