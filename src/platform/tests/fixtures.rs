//! An invented hospital, patient and bill, and a peer that answers with raw bytes.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{Profile, Secrets};
use crate::person::{EcToken, IdNo, Name, ScannedCode};
use crate::platform::wire::request;
use crate::platform::{Platform, Stamp, Stamps};
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::{Bill, Fen, Line};
use crate::settlement::call::{Call, Settled, Step};
use crate::settlement::known::{Ids, Insurance, Known, Person, Voucher};
use crate::settlement::order::{
    AccountUse, CredentialKind, Diagnosis, Office, Operator, OperatorKind, Order, OrderKind,
    Patient, PrintWish, Visit,
};

pub(super) const MSGID: &str = "H43010099901202601020304050010";
pub(super) const SETTLE_MSGID: &str = "H43010099901202601020304040011";
pub(super) const CODE: &str = "4240123456789012345678430000";

/// All steps, in the order of the story.
pub(super) const STEPS: [Step; 13] = [
    Step::Decode,
    Step::Person,
    Step::Register,
    Step::VisitInfo,
    Step::Fees,
    Step::PreSettle,
    Step::Settle,
    Step::UndoSettle,
    Step::UndoFees,
    Step::UndoRegister,
    Step::Reverse,
    Step::FindVisit,
    Step::FindSettlement,
];

/// The shipped profile of the sandbox, with this address and these changes.
pub(super) fn profile_at(addr: &str, change: impl FnOnce(&mut Profile)) -> Profile {
    let text = include_str!("../../../packaging/profiles/sandbox.toml");
    let text = text.replace("127.0.0.1:17900", addr);
    let mut profile = Profile::parse(&text, "sandbox.toml").unwrap();
    profile.sign_in.wanted = false;
    change(&mut profile);
    profile
}

pub(super) fn profile(change: impl FnOnce(&mut Profile)) -> Profile {
    profile_at("127.0.0.1:9", change)
}

/// Numbers that count up; the time stands still.
#[derive(Default)]
pub(super) struct Counted(AtomicU32);

#[async_trait::async_trait]
impl Stamps for Counted {
    async fn stamp(&self) -> Result<Stamp, String> {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Stamp {
            msgid: format!("H4301009990120260102030405{n:04}"),
            inf_time: "2026-01-02 03:04:05".to_owned(),
        })
    }
}

pub(super) fn platform(profile: Profile) -> Platform {
    let secrets = Secrets::load(&profile, None).unwrap();
    Platform::new(Arc::new(profile), secrets, Arc::new(Counted::default())).unwrap()
}

pub(super) fn stamp() -> Stamp {
    Stamp {
        msgid: MSGID.to_owned(),
        inf_time: "2026-01-02 03:04:05".to_owned(),
    }
}

/// A desk that signs no message.
pub(super) fn desk<'a>(profile: &'a Profile, sign_no: &'a str) -> request::Desk<'a> {
    request::Desk {
        profile,
        signer: None,
        sign_no,
    }
}

/// Everything a call may be about.
pub(super) struct Case {
    pub(super) order: Order,
    pub(super) known: Known,
    pub(super) code: ScannedCode,
}

impl Case {
    pub(super) fn new() -> Self {
        Self {
            order: order(),
            known: known(),
            code: ScannedCode::new(CODE),
        }
    }

    pub(super) fn call(&self, step: Step) -> Call<'_> {
        Call {
            step,
            order: &self.order,
            known: &self.known,
            code: (step == Step::Decode).then_some(&self.code),
        }
    }
}

fn order() -> Order {
    Order {
        request_id: "r1".to_owned(),
        kind: OrderKind::Outpatient,
        operator: Operator {
            id: "0042".to_owned(),
            name: "测试员".to_owned(),
            kind: OperatorKind::Staff,
        },
        office: Office {
            id: "A03".to_owned(),
            name: "内科".to_owned(),
        },
        patient: Patient::default(),
        visit: visit(),
        bills: vec![bill()],
        insutype: String::new(),
        account_use: AccountUse::Own,
        credentials: vec![CredentialKind::EVoucher],
        fresh_code: false,
        confirm_person: false,
        confirm_amounts: false,
        print: PrintWish::No,
        scan_wait_ms: 0,
        extension: BTreeMap::from([("OTP_ER_REFL_FLAG".to_owned(), "0".to_owned())]),
        identity_ref: String::new(),
        business_type: String::new(),
    }
}

fn visit() -> Visit {
    Visit {
        ipt_otp_no: String::new(),
        mdtrt_id: String::new(),
        med_type: "11".to_owned(),
        begntime: String::new(),
        dept_code: "0301".to_owned(),
        dept_name: "内科".to_owned(),
        caty: "A03".to_owned(),
        atddr_no: "D430100000001".to_owned(),
        dr_name: "虚构医师".to_owned(),
        main_cond_dscr: "咳嗽 \"三天\"\\两夜".to_owned(),
        diagnoses: vec![Diagnosis {
            diag_type: "1".to_owned(),
            diag_code: "J20.900".to_owned(),
            diag_name: "急性支气管炎".to_owned(),
            diag_time: String::new(),
        }],
    }
}

fn bill() -> Bill {
    let mut drug = line("XR03CA00001", "阿莫西林胶囊", "4.520000", "2", 904);
    drug.more = BTreeMap::from([
        ("prd_days".to_owned(), "3".to_owned()),
        ("memo".to_owned(), "饭后".to_owned()),
    ]);
    Bill {
        bill_no: "B1".to_owned(),
        dise_codg: String::new(),
        dise_name: String::new(),
        lines: vec![
            drug,
            line("001102000010000", "普通门诊诊查费", "10", "1", 1000),
        ],
    }
}

fn line(code: &str, name: &str, pric: &str, cnt: &str, fen: i64) -> Line {
    Line {
        feedetl_sn: String::new(),
        name: name.to_owned(),
        med_list_codg: code.to_owned(),
        medins_list_codg: format!("H{code}"),
        pric: pric.parse().unwrap(),
        cnt: cnt.parse().unwrap(),
        det_item_fee_sumamt: Fen(fen),
        fee_ocur_time: String::new(),
        rxno: String::new(),
        rx_circ_flag: "0".to_owned(),
        bilg_dept_codg: String::new(),
        bilg_dept_name: String::new(),
        bilg_dr_codg: String::new(),
        bilg_dr_name: String::new(),
        hosp_appr_flag: "1".to_owned(),
        more: BTreeMap::new(),
        trace_codes: Vec::new(),
    }
}

fn known() -> Known {
    let insurance = Insurance {
        insutype: "310".to_owned(),
        psn_type: "11".to_owned(),
        psn_insu_stas: "1".to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        balc: Fen(10_000),
    };
    Known {
        ids: Ids {
            ipt_otp_no: "OP1".to_owned(),
            chrg_bchno: "CB1".to_owned(),
            feedetl_sn: vec!["1001".to_owned(), "1002".to_owned()],
            accepted: "2026-01-02 03:00:00".to_owned(),
        },
        voucher: Some(Voucher {
            ec_token: EcToken::new("430000ecabcdefghij0123456789"),
            certno: IdNo::new("110101190001011009"),
            name: Name::new("测试甲"),
            cert_type: "01".to_owned(),
            insu_org: "430100".to_owned(),
            document: None,
        }),
        person: Some(Person {
            psn_no: "4300009900000001".to_owned(),
            psn_cert_type: "01".to_owned(),
            certno: IdNo::new("110101190001011009"),
            psn_name: Name::new("测试甲"),
            gend: "1".to_owned(),
            age: "125.0".to_owned(),
            insuinfo: vec![insurance.clone()],
        }),
        insurance: Some(insurance),
        mdtrt_id: Some("M1".to_owned()),
        lines: Vec::new(),
        preview: Some(Amounts {
            medfee_sumamt: Fen(1904),
            fulamt_ownpay_amt: Fen(0),
            overlmt_selfpay: Fen(0),
            preselfpay_amt: Fen(45),
            inscp_scp_amt: Fen(1859),
            ..Amounts::default()
        }),
        settle_msgid: Some(SETTLE_MSGID.to_owned()),
        settle_infno: Some("2207".to_owned()),
        settled: Some(Settled {
            setl_id: "S1".to_owned(),
            mdtrt_id: "M1".to_owned(),
            medins_setl_id: SETTLE_MSGID.to_owned(),
            setl_time: "2026-01-02 03:04:04".to_owned(),
            insutype: "310".to_owned(),
            clr_type: "11".to_owned(),
            clr_way: String::new(),
            clr_optins: String::new(),
            amounts: Amounts::default(),
            setlinfo: "{}".to_owned(),
            setldetail: "[]".to_owned(),
        }),
    }
}

/// A peer at the far end of a real socket that does what it is told with each connection, and counts them.
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    requests: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

impl Peer {
    /// `converse` gets each connection once its whole request was read, with the request.
    pub(super) async fn start<F, R>(converse: F) -> Self
    where
        F: Fn(TcpStream, String) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&requests);
        let converse = Arc::new(converse);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let converse = Arc::clone(&converse);
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    converse(stream, request).await;
                });
            }
        });
        Self {
            addr,
            requests,
            task,
        }
    }

    /// Answers every request with this body and HTTP 200.
    pub(super) async fn saying(body: impl Into<String>) -> Self {
        let body = body.into();
        Self::start(move |mut stream, _| {
            let answer = whole(200, &body);
            async move { stream.write_all(answer.as_bytes()).await.unwrap() }
        })
        .await
    }

    /// How many connections there were.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn addr(&self) -> String {
        self.addr.to_string()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn whole(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0_usize);
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
