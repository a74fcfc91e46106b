//! `identify`: who stands there, with the prompt and the progress for the person at the terminal.

use yibaod::api::{
    Credential, CredentialPays, Identification, IdentifyFlow, IdentifyRequest, IdentifyState,
    InsuranceInForce, Office, Operator, OperatorKind, Stage, WatchIdentificationRequest,
    WatchIdentificationResponse,
};
use yibaod::settlement::insurance;

use crate::args::{CredentialArg, FlowArg, Identify};
use crate::connect::Door;
use crate::draw::{clean, day_and_time, left, receipt, words, yuan};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::new_request_id;
use crate::trouble::Trouble;

/// Columns of a label in Chinese and English.
const LABEL_COLUMNS: usize = 30;
/// Of a number that is not shown whole.
const NUMBER_SHOWN_CHARS: usize = 4;

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
    let (mut watching, mut said) = (true, Vec::new());
    let answer = loop {
        tokio::select! {
            biased;
            event = events.message(), if watching => match event {
                Ok(Some(event)) => {
                    let now = told(&event);
                    // An event may change what this terminal does not show.
                    if now != said {
                        out.notes(&now);
                        said = now;
                    }
                }
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

/// A step on the way.
fn told(event: &WatchIdentificationResponse) -> Vec<String> {
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
    lines
}

fn drawn(it: &Identification, out: &Out) -> Vec<String> {
    let is_whole = it.unmasked;
    let mut rows = vec![
        ("识别编号 identification_id", it.identification_id.clone()),
        ("结果 state", state(it.state()).to_owned()),
        ("姓名 name", it.name.clone()),
        ("证件号码 certno", it.certno.clone()),
        ("人员编号 psn_no", number(&it.psn_no, is_whole)),
    ];
    rows.extend(
        it.insurances
            .iter()
            .map(|it| ("有效险种 insurance", insured(it))),
    );
    if let Some(credential) = &it.credential {
        let shown = format!(
            "{}  {}",
            kind(credential.kind()),
            day_and_time(&credential.decoded_at)
        );
        rows.push(("凭证 credential", shown));
        rows.push(("能否结算 pays", pays(credential.pays()).to_owned()));
    }
    if !it.identity_ref.is_empty() {
        let until = day_and_time(&it.identity_ref_until);
        let shown = format!("{}  至 until {until}", it.identity_ref);
        rows.push(("一次凭据 identity_ref", shown));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let line = |(label, value): (&str, String)| {
        let label = out.paint().dim(&left(label, LABEL_COLUMNS));
        format!("  {label}{}", clean(&value))
    };
    let mut lines: Vec<String> = rows.into_iter().map(line).collect();
    for entry in it.remarks.iter().chain(&it.error) {
        lines.extend(receipt::error(entry, out.paint(), out.width()));
    }
    lines
}

/// One insurance in a line.
fn insured(it: &InsuranceInForce) -> String {
    format!(
        "{}  参保地 {}  账户余额 {} 元",
        insurance::shown(&it.insutype),
        it.insuplc_admdvs,
        yuan(it.balance_fen)
    )
}

/// The person's number at the insurance. A terminal is looked at by others: the end of it, unless all was asked for.
fn number(psn_no: &str, is_whole: bool) -> String {
    let hidden = match is_whole {
        true => 0,
        false => psn_no.chars().count().saturating_sub(NUMBER_SHOWN_CHARS),
    };
    let characters = psn_no.chars().enumerate();
    characters
        .map(|(at, c)| if at < hidden { '*' } else { c })
        .collect()
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
