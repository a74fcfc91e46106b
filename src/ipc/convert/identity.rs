//! `IdentifyRequest` → ours, and who was identified → wire. Masked unless the operation says otherwise.

use super::error::{entry_of_settlement, with_case};
use super::fields::Fields;
use super::order::{
    SCAN_WAIT_MS_MAX, credential_of, credentials, office, operator, patient, request_id_into,
};
use super::settlement::stage;
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, Identified};
use crate::settlement::answer::{Money, Reason};
use crate::settlement::identify::{
    BUSINESS_TYPES, Ending, Flow, Identification, Pays, Phase, Progress, Wish, in_force,
    waiting_prompt,
};

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn wish(request: wire::IdentifyRequest) -> Result<Wish, Failure> {
    let mut fields = Fields::default();
    let f = &mut fields;
    request_id_into(f, &request.request_id);
    let flow = f.known("flow", request.flow, None, flow);
    let known = flow.map_or(&BUSINESS_TYPES[..], Flow::business_types);
    let flow = flow.unwrap_or(Flow::Report);
    let business_type = match request.business_type.trim() {
        "" => flow.business_type().to_owned(),
        given => f.one_of("business_type", given.to_owned(), known),
    };
    if request.wait_ms > SCAN_WAIT_MS_MAX {
        let most = format!("is more than {SCAN_WAIT_MS_MAX}");
        f.wrong(Code::RequestInvalid, "wait_ms", most);
    }
    let wish = Wish {
        flow,
        business_type,
        operator: operator(f, request.operator.unwrap_or_default()),
        office: office(f, request.office.unwrap_or_default()),
        credentials: credentials(f, &request.credentials),
        patient: patient(f, request.patient.unwrap_or_default()),
        unmasked: request.unmasked,
        wait_ms: request.wait_ms,
        request_id: request.request_id,
    };
    fields.finish(wish)
}

fn flow(flow: wire::IdentifyFlow) -> Option<Flow> {
    match flow {
        wire::IdentifyFlow::Unspecified => None,
        wire::IdentifyFlow::Registration => Some(Flow::Registration),
        wire::IdentifyFlow::Payment => Some(Flow::Payment),
        wire::IdentifyFlow::Report => Some(Flow::Report),
        wire::IdentifyFlow::Desk => Some(Flow::Desk),
        wire::IdentifyFlow::Pharmacy => Some(Flow::Pharmacy),
    }
}

/// What is true of it, as this caller may see it.
#[must_use]
pub fn identification(told: &Identified) -> wire::Identification {
    let state = &*told.state;
    let prompt = waiting_prompt(state);
    let reason = match state.phase {
        Phase::Running => Some(Reason {
            code: Code::Pending,
            text: String::new(),
        }),
        Phase::Identified => None,
        Phase::Ended(_) => state.reason.clone(),
    };
    let (name, certno) = person(told);
    let is_identified = state.phase == Phase::Identified;
    wire::Identification {
        identification_id: state.id.clone(),
        request_id: state.request_id.clone(),
        state: phase(state.phase).into(),
        error: (reason.as_ref()).map(|reason| entry(state, &discreet(told, reason))),
        prompt_zh: prompt.zh,
        prompt_en: prompt.en,
        unmasked: told.is_unmasked && is_identified,
        name,
        certno,
        psn_no: (state.person.as_ref().filter(|_| is_identified))
            .map_or_else(String::new, |person| without_person(told, &person.psn_no)),
        insurances: in_force(state)
            .filter(|_| is_identified)
            .map(|row| wire::InsuranceInForce {
                insutype: row.insutype.clone(),
                psn_type: row.psn_type.clone(),
                insuplc_admdvs: row.insuplc_admdvs.clone(),
                balance_fen: row.balc.0,
            })
            .collect(),
        remarks: (state.remarks().iter())
            .map(|reason| entry(state, &discreet(told, reason)))
            .collect(),
        credential: credential(told),
        identity_ref: (told.reference.as_ref())
            .map_or_else(String::new, |reference| reference.reference.clone()),
        identity_ref_until: rfc3339_or_empty(
            told.reference.as_ref().map(|reference| reference.until_ms),
        ),
        business_type: state.business_type.clone(),
        accepted_at: rfc3339(state.accepted_at_ms),
        ended_at: rfc3339_or_empty(state.ended_at_ms),
    }
}

/// Nothing was, or can be, charged by it.
fn entry(state: &Identification, reason: &Reason) -> wire::ErrorEntry {
    let repeat = if state.is_over() {
        wire::Repeat::NewId
    } else {
        wire::Repeat::SameId
    };
    let of_case = wire::ErrorEntry {
        money: wire::ErrorMoney::NotConcerned.into(),
        repeat: repeat.into(),
        ..entry_of_settlement(reason, Money::Refused)
    };
    with_case(reason.code, of_case)
}

/// The platform's words may name the person: who may not see that gets it masked.
fn discreet(told: &Identified, reason: &Reason) -> Reason {
    Reason {
        code: reason.code,
        text: without_person(told, &reason.text),
    }
}

/// The text as this caller may see it. In places a 人员编号 is the number of the person's card.
fn without_person(told: &Identified, text: &str) -> String {
    let Some(voucher) = told.state.voucher.as_ref().filter(|_| !told.is_unmasked) else {
        return text.to_owned();
    };
    let (name, certno) = (&voucher.name, &voucher.certno);
    [
        (name.expose(), name.masked()),
        (certno.expose(), certno.masked()),
    ]
    .into_iter()
    .filter(|(whole, _)| !whole.is_empty())
    .fold(text.to_owned(), |text, (whole, masked)| {
        text.replace(whole, &masked)
    })
}

/// Name and number of who was identified.
fn person(told: &Identified) -> (String, String) {
    let state = &*told.state;
    let Some(voucher) = state
        .voucher
        .as_ref()
        .filter(|_| state.phase == Phase::Identified)
    else {
        return (String::new(), String::new());
    };
    if told.is_unmasked {
        let (name, certno) = (voucher.name.expose(), voucher.certno.expose());
        (name.to_owned(), certno.to_owned())
    } else {
        (voucher.name.masked(), voucher.certno.masked())
    }
}

fn credential(told: &Identified) -> Option<wire::ShownCredential> {
    let state = &*told.state;
    let kind = state.credential?;
    (state.phase == Phase::Identified).then(|| wire::ShownCredential {
        kind: credential_of(kind).into(),
        decoded_at: rfc3339_or_empty(state.decoded_at_ms),
        age_ms: told.age_ms,
        token_reusable: told.token_reusable,
        pays: pays(told.pays).into(),
    })
}

fn phase(phase: Phase) -> wire::IdentifyState {
    match phase {
        Phase::Running => wire::IdentifyState::Pending,
        Phase::Identified => wire::IdentifyState::Identified,
        Phase::Ended(Ending::Refused) => wire::IdentifyState::Refused,
        Phase::Ended(Ending::Cancelled) => wire::IdentifyState::Cancelled,
    }
}

fn pays(pays: Pays) -> wire::CredentialPays {
    match pays {
        Pays::ByRef => wire::CredentialPays::ByRef,
        Pays::ShownAgain => wire::CredentialPays::ShownAgain,
        Pays::Not => wire::CredentialPays::Not,
    }
}

/// A step on the way.
#[must_use]
pub fn event(progress: Progress, told: &Identified) -> wire::WatchIdentificationResponse {
    let state = &*progress.state;
    wire::WatchIdentificationResponse {
        seq: progress.seq,
        stage: stage(progress.stage).into(),
        queue_place: (progress.queue_place).map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        prompt_zh: progress.prompt.zh,
        prompt_en: progress.prompt.en,
        error: (progress.reason.as_ref()).map(|reason| entry(state, &discreet(told, reason))),
        identification_id: state.id.clone(),
        identification: state.is_over().then(|| identification(told)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::person::{EcToken, IdNo, Name};
    use crate::settlement::answer::Stage;
    use crate::settlement::identify::waiting_prompt;
    use crate::settlement::known::Voucher;
    use crate::settlement::order::CredentialKind;

    fn request() -> wire::IdentifyRequest {
        wire::IdentifyRequest {
            request_id: "who-1".into(),
            flow: wire::IdentifyFlow::Pharmacy.into(),
            operator: Some(wire::Operator {
                id: "0107".into(),
                name: "测试员".into(),
                kind: wire::OperatorKind::Staff.into(),
            }),
            office: Some(wire::Office {
                id: "A1".into(),
                name: "药房".into(),
            }),
            ..wire::IdentifyRequest::default()
        }
    }

    #[test]
    fn a_wish_takes_what_is_left_out_from_its_flow() {
        let plain = wish(request()).unwrap();
        assert_eq!(plain.business_type, "01302");
        assert_eq!(plain.credentials, [CredentialKind::EVoucher]);
        let sold = wish(wire::IdentifyRequest {
            business_type: " 02121 ".into(),
            ..request()
        });
        assert_eq!(sold.unwrap().business_type, "02121");
    }

    #[test]
    fn what_the_patient_reads_is_what_the_code_is_used_for() {
        let paying_by_a_report = wish(wire::IdentifyRequest {
            flow: wire::IdentifyFlow::Report.into(),
            business_type: "01301".into(),
            ..request()
        });
        let refused = paying_by_a_report.unwrap_err();
        assert_eq!(refused.code, Code::RequestInvalid);
        assert_eq!(refused.fields, ["business_type"]);
    }

    #[test]
    fn everything_wrong_with_a_wish_is_named() {
        let wrong = wish(wire::IdentifyRequest {
            flow: 0,
            business_type: "99999".into(),
            office: None,
            credentials: vec![0],
            wait_ms: SCAN_WAIT_MS_MAX + 1,
            request_id: "a b".into(),
            ..request()
        });
        let fields = wrong.unwrap_err().fields;
        assert_eq!(
            fields,
            [
                "request_id",
                "flow",
                "business_type",
                "wait_ms",
                "office.id",
                "office.name",
                "credentials[0]"
            ]
        );
    }

    #[test]
    fn who_may_not_see_the_name_reads_it_in_no_event() {
        let voucher = Voucher {
            ec_token: EcToken::new(String::new()),
            certno: IdNo::new("110101190001011009".to_owned()),
            name: Name::new("欧阳虚构".to_owned()),
            cert_type: "01".to_owned(),
            insu_org: String::new(),
            document: None,
        };
        let state = Identification {
            voucher: Some(voucher),
            ..Identification::new("I-1")
        };
        let told = Identified {
            state: Arc::new(state),
            is_unmasked: false,
            reference: None,
            pays: Pays::Not,
            token_reusable: false,
            age_ms: 0,
        };
        let progress = Progress {
            seq: 1,
            stage: Stage::Person,
            queue_place: None,
            prompt: waiting_prompt(&told.state),
            reason: Some(Reason {
                code: Code::PlatformRefused,
                text: "欧阳虚构医保待遇已暂停".to_owned(),
            }),
            state: Arc::clone(&told.state),
        };
        let error = event(progress, &told).error.expect("it is told why");
        for text in [&error.detail, &error.patient_zh] {
            assert!(text.contains("待遇已暂停"), "{text}");
            assert!(!text.contains("虚构"), "{text}");
        }
    }
}
