//! `identify`: who stands there, with the prompt and the progress for the person at the terminal.

use yibaod::api::{
    Credential, CredentialPays, Identification, IdentifyFlow, IdentifyRequest, IdentifyState,
    Office, Operator, OperatorKind, Stage, WatchIdentificationRequest, WatchIdentificationResponse,
};

use crate::args::{CredentialArg, FlowArg, Identify};
use crate::connect::Door;
use crate::draw::{clean, day_and_time, receipt, words, yuan};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::new_request_id;
use crate::trouble::Trouble;

/// Runs it.
pub(crate) async fn run(door: &mut Door, wanted: &Identify, out: &Out) -> Result<Exit, Trouble> {
    let request = request(wanted);
    let watch = WatchIdentificationRequest {
        request_id: request.request_id.clone(),
    };
    let events = door.identities.watch_identification(watch).await;
    let mut events = events.map_err(Trouble::of_status)?.into_inner();
    let mut client = door.identities.clone();
    let call = client.identify(request);
    tokio::pin!(call);
    let mut watching = true;
    let answer = loop {
        tokio::select! {
            biased;
            event = events.message(), if watching => match event {
                Ok(Some(event)) => told(&event, out),
                // The answer tells what is wrong.
                Ok(None) | Err(_) => watching = false,
            },
            answer = &mut call => break answer,
        }
    };
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    let identification = answer.identification.unwrap_or_default();
    if out.is_json() {
        out.object(&json::text(&identification));
    } else {
        out.lines(&drawn(&identification, out));
    }
    Ok(exit(identification.state()))
}

fn request(wanted: &Identify) -> IdentifyRequest {
    let credential = |kind: &CredentialArg| match kind {
        CredentialArg::EVoucher => Credential::EVoucher.into(),
        CredentialArg::SocialCard => Credential::SocialCard.into(),
        CredentialArg::ResidentId => Credential::ResidentId.into(),
    };
    let flow = match wanted.flow {
        FlowArg::Registration => IdentifyFlow::Registration,
        FlowArg::Payment => IdentifyFlow::Payment,
        FlowArg::Report => IdentifyFlow::Report,
        FlowArg::Desk => IdentifyFlow::Desk,
        FlowArg::Pharmacy => IdentifyFlow::Pharmacy,
    };
    IdentifyRequest {
        request_id: wanted.request_id.clone().unwrap_or_else(new_request_id),
        flow: flow.into(),
        business_type: wanted.business_type.clone(),
        operator: Some(Operator {
            id: wanted.operator_id.clone(),
            name: wanted.operator_name.clone(),
            kind: OperatorKind::Staff.into(),
        }),
        office: Some(Office {
            id: wanted.office_id.clone(),
            name: wanted.office_name.clone(),
        }),
        credentials: wanted.credentials.iter().map(credential).collect(),
        patient: None,
        unmasked: wanted.unmasked,
        wait_ms: wanted.wait_s.saturating_mul(1_000),
    }
}

/// A step on the way, on stderr.
fn told(event: &WatchIdentificationResponse, out: &Out) {
    let mut lines = Vec::new();
    if let Some(error) = event
        .error
        .as_ref()
        .filter(|_| event.stage() != Stage::Ended)
    {
        lines.push(format!(
            "  ✗ {} {}",
            clean(&error.meaning_zh),
            clean(&error.action_zh)
        ));
    }
    if !event.prompt_zh.is_empty() {
        let (stage, _) = words::stage(event.stage());
        lines.push(format!("  {stage}  {}", clean(&event.prompt_zh)));
    }
    out.notes(&lines);
}

fn drawn(it: &Identification, out: &Out) -> Vec<String> {
    let mut rows = vec![
        ("识别编号", it.identification_id.clone()),
        ("结果", state(it.state()).to_owned()),
        ("姓名", it.name.clone()),
        ("证件号码", it.certno.clone()),
        ("人员编号", it.psn_no.clone()),
    ];
    for insurance in &it.insurances {
        let balance = yuan(insurance.balance_fen);
        let line = format!(
            "{}  参保地 {}  账户余额 {balance}",
            insurance.insutype, insurance.insuplc_admdvs
        );
        rows.push(("有效险种", line));
    }
    if let Some(credential) = &it.credential {
        let shown = format!(
            "{}  {}",
            kind(credential.kind()),
            day_and_time(&credential.decoded_at)
        );
        rows.push(("凭证", shown));
        rows.push(("能否结算", pays(credential.pays()).to_owned()));
    }
    if !it.identity_ref.is_empty() {
        let until = day_and_time(&it.identity_ref_until);
        rows.push(("一次凭据", format!("{}  至 {until}", it.identity_ref)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let line = |(name, value): (&str, String)| format!("  {name}  {}", clean(&value));
    let mut lines: Vec<String> = rows.into_iter().map(line).collect();
    for entry in it.remarks.iter().chain(&it.error) {
        lines.extend(receipt::error(entry, out.paint(), out.width()));
    }
    lines
}

fn state(state: IdentifyState) -> &'static str {
    match state {
        IdentifyState::Identified => "已识别 identified",
        IdentifyState::Refused => "未通过 refused",
        IdentifyState::Cancelled => "已取消 cancelled",
        IdentifyState::Pending => "进行中 pending",
        IdentifyState::Unspecified => "未知 unknown",
    }
}

fn kind(kind: Credential) -> &'static str {
    match kind {
        Credential::EVoucher => "医保码",
        Credential::SocialCard => "社会保障卡",
        Credential::ResidentId => "居民身份证",
        Credential::Unspecified => "未知凭证",
    }
}

fn pays(pays: CredentialPays) -> &'static str {
    match pays {
        CredentialPays::ByRef => "可凭一次凭据结算，无须再次出示",
        CredentialPays::ShownAgain => "结算时须再次出示，医保码须先刷新",
        CredentialPays::Not => "不能结算：没有有效参保",
        CredentialPays::Unspecified => "未知",
    }
}

fn exit(state: IdentifyState) -> Exit {
    match state {
        IdentifyState::Identified => Exit::Fine,
        IdentifyState::Refused => Exit::Refused,
        IdentifyState::Cancelled => Exit::Undone,
        IdentifyState::Pending | IdentifyState::Unspecified => Exit::Open,
    }
}
