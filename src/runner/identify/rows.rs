//! An identification's events to journal rows and back, and what the platform's client is asked in its name.

use zeroize::Zeroizing;

use super::IDENTIFICATION;
use crate::journal::{NewEvent, PersonKeyInput, Sealed, Stored, StreamHead};
use crate::runner::rows::RowError;
use crate::runner::start::Parts;
use crate::settlement::identify::{Event, Identification, Phase, Private, VERSION, Wish};
use crate::settlement::order::{AccountUse, Order, OrderKind, PrintWish, Visit};

/// Folds a whole stream.
pub(super) fn identification_of(
    stream: &str,
    stored: &[Stored],
) -> Result<Identification, RowError> {
    let mut state = Identification::new(stream);
    for row in stored {
        let (seq, version) = (row.seq, row.version);
        if version != VERSION {
            return Err(RowError::Version { seq, version });
        }
        let json = |source| RowError::Json { seq, source };
        let event: Event = serde_json::from_str(&row.body).map_err(json)?;
        let event = match &row.sealed {
            Sealed::Open(plain) => {
                let private: Private = serde_json::from_slice(plain).map_err(json)?;
                event.with_private(private)
            }
            Sealed::None | Sealed::Forgotten => event,
        };
        state.apply(&event, row.at_utc_ms);
    }
    Ok(state)
}

pub(super) fn to_new(event: &Event, at_ms: i64) -> NewEvent {
    let body = serde_json::to_string(event).expect("events are maps with text keys");
    let new = NewEvent::new(event.kind(), VERSION, at_ms, body);
    match event.private() {
        Some(private) => {
            let sealed = serde_json::to_vec(&private).expect("it has text keys");
            new.sealing(Zeroizing::new(sealed))
        }
        None => new,
    }
}

/// What the journal's index shows of it.
pub(super) fn head(parts: &Parts, state: &Identification) -> StreamHead {
    let wish = state.wish.as_deref();
    let certno = state.voucher.as_ref().map(|voucher| &voucher.certno);
    let code = match state.phase {
        Phase::Running | Phase::Identified => None,
        Phase::Ended(_) => state.reason.as_ref().map(|reason| reason.code),
    };
    let summary = serde_json::json!({
        "identification_id": state.id,
        "flow": state.flow,
        "business_type": state.business_type,
        "credential": state.credential,
        "psn_no": state.person.as_ref().map(|person| person.psn_no.as_str()),
        "identified": state.phase == Phase::Identified,
        "code": code,
    });
    StreamHead {
        kind: IDENTIFICATION.to_owned(),
        request_id: Some(state.request_id.clone()),
        caller: state.caller.clone(),
        body_digest: wish.map_or_else(String::new, |wish| {
            parts.journal.request_digest(&wish.bare())
        }),
        open: !state.is_over(),
        stuck: false,
        visit: None,
        visit_is_shared: false,
        person: certno
            .filter(|certno| !certno.is_empty())
            .map(|certno| PersonKeyInput::new(certno.expose())),
        summary: summary.to_string(),
    }
}

/// What the platform's client needs to know of who asks. It bills nothing: only the decoding and 1101 are made of it.
pub(super) fn nothing_ordered(wish: &Wish) -> Order {
    Order {
        request_id: wish.request_id.clone(),
        kind: OrderKind::Outpatient,
        operator: wish.operator.clone(),
        office: wish.office.clone(),
        patient: wish.patient.clone(),
        visit: Visit {
            ipt_otp_no: String::new(),
            mdtrt_id: String::new(),
            med_type: String::new(),
            begntime: String::new(),
            dept_code: String::new(),
            dept_name: String::new(),
            caty: String::new(),
            atddr_no: String::new(),
            dr_name: String::new(),
            main_cond_dscr: String::new(),
            diagnoses: Vec::new(),
        },
        bills: Vec::new(),
        insutype: String::new(),
        account_use: AccountUse::No,
        credentials: wish.credentials.clone(),
        fresh_code: false,
        confirm_person: false,
        confirm_amounts: false,
        print: PrintWish::No,
        scan_wait_ms: wish.wait_ms,
        extension: std::collections::BTreeMap::new(),
        identity_ref: String::new(),
        business_type: wish.business_type.clone(),
    }
}
