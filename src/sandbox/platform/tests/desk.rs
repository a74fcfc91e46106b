//! A hospital desk that speaks to the platform byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sandbox::persons::Person;
use crate::sandbox::platform::{Options, Platform, catalogue, clock};

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// One visit being settled by hand.
pub(super) struct Desk {
    pub(super) platform: Arc<Platform>,
    pub(super) options: Options,
    pub(super) person: Person,
    pub(super) sign_no: String,
    pub(super) token: String,
    pub(super) mdtrt_id: String,
    pub(super) batch: String,
}

/// What came back: status and text of the body, or nothing.
pub(super) type Raw = Option<(u16, String)>;

impl Desk {
    /// Signed in, the person's code decoded.
    pub(super) async fn open(person: &str) -> Self {
        let platform = Platform::start(Options::default()).await.unwrap();
        Self::at(Arc::new(platform), person).await
    }

    /// The same, at a platform that others use too.
    pub(super) async fn at(platform: Arc<Platform>, person: &str) -> Self {
        let options = Options::default();
        let person = platform.person(person).unwrap();
        let mut desk = Self {
            platform,
            options,
            person,
            sign_no: String::new(),
            token: String::new(),
            mdtrt_id: String::new(),
            batch: "B202500000000000000000000001".to_owned(),
        };
        let signed = desk.call("9001", sign_in()).await;
        desk.sign_no = signed["output"]["signinoutb"]["sign_no"]
            .as_str()
            .unwrap()
            .to_owned();
        desk.token = desk.decode().await["data"]["ecToken"]
            .as_str()
            .unwrap()
            .to_owned();
        desk
    }

    /// Registered, described, fees uploaded.
    pub(super) async fn with_fees(person: &str) -> Self {
        let mut desk = Self::open(person).await;
        desk.upload().await;
        desk
    }

    /// Registers, describes and uploads.
    pub(super) async fn upload(&mut self) {
        self.register().await;
        done(&self.call("2203A", self.visit()).await);
        done(&self.call("2204", self.fees()).await);
    }

    pub(super) async fn register(&mut self) {
        let answer = self.call("2201", self.registration()).await;
        done(&answer);
        self.mdtrt_id = answer["output"]["data"]["mdtrt_id"]
            .as_str()
            .unwrap()
            .to_owned();
    }

    /// 2206 and 2207; the answer of 2207.
    pub(super) async fn settle(&mut self) -> Value {
        let trial = self.call("2206", self.trial()).await;
        done(&trial);
        self.call("2207", self.settlement(&trial)).await
    }

    pub(super) async fn decode(&self) -> Value {
        let code = self.platform.fresh_code(&self.person.key).unwrap();
        self.decode_code(&code).await
    }

    pub(super) async fn decode_code(&self, code: &str) -> Value {
        let body = json!({
            "orgId": self.options.fixmedins_code, "transType": "ec.query",
            "data": {
                "orgId": self.options.fixmedins_code, "businessType": "01301", "operatorId": "0107",
                "operatorName": "窗口七号", "officeId": "0301", "officeName": "内科门诊", "ecQrCode": code,
            }
        });
        let raw = self
            .post("/localcfc/api/hsecfc/localQrCodeQuery", &body, "")
            .await;
        serde_json::from_str(&raw.unwrap().1).unwrap()
    }

    /// A call whose answer must be JSON.
    pub(super) async fn call(&self, infno: &str, input: Value) -> Value {
        self.send(&self.envelope(infno, input)).await
    }

    pub(super) async fn send(&self, body: &Value) -> Value {
        let (status, text) = self.send_raw(body).await.expect("an answer");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(super) async fn call_raw(&self, infno: &str, input: Value) -> Raw {
        self.send_raw(&self.envelope(infno, input)).await
    }

    pub(super) async fn send_raw(&self, body: &Value) -> Raw {
        let path = format!("/fsi/api/{}", body["infno"].as_str().unwrap_or("2207"));
        self.post(&path, body, &self.headers()).await
    }

    pub(super) fn headers(&self) -> String {
        let timestamp = Timestamp::now().as_second();
        let nonce = format!("n{}", SERIAL.fetch_add(1, Ordering::Relaxed));
        let text = format!("{timestamp}{}{nonce}{timestamp}", self.options.secret);
        format!(
            "x-tif-paasid: {}\r\nx-tif-timestamp: {timestamp}\r\nx-tif-nonce: {nonce}\r\n\
             x-tif-signature: {}\r\n",
            self.options.paasid,
            hex::encode(Sha256::digest(text.as_bytes()))
        )
    }

    pub(super) async fn post(&self, path: &str, body: &Value, headers: &str) -> Raw {
        self.request("POST", path, &body.to_string(), headers).await
    }

    pub(super) async fn request(&self, method: &str, path: &str, body: &str, headers: &str) -> Raw {
        let mut stream = TcpStream::connect(self.platform.addr()).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        ))
    }

    pub(super) fn msgid(&self) -> String {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed) % 10_000;
        let code = &self.options.fixmedins_code;
        format!("{code}{}{serial:04}", clock::compact(Timestamp::now()))
    }

    pub(super) fn envelope(&self, infno: &str, input: Value) -> Value {
        json!({
            "infno": infno, "msgid": self.msgid(), "mdtrtarea_admvs": "430100",
            "insuplc_admdvs": self.person.main_insurance().insuplc, "recer_sys_code": "MBS_LOCAL",
            "dev_no": "", "dev_safe_info": "", "cainfo": "", "signtype": "SM2", "infver": "1.0.0",
            "opter_type": "1", "opter": "0107", "opter_name": "窗口七号",
            "inf_time": clock::spaced(Timestamp::now()),
            "fixmedins_code": self.options.fixmedins_code,
            "fixmedins_name": self.options.fixmedins_name,
            "sign_no": self.sign_no, "input": input,
        })
    }

    pub(super) fn person_query(&self) -> Value {
        json!({ "data": {
            "mdtrt_cert_type": "01", "mdtrt_cert_no": self.token, "card_sn": "", "begntime": "",
            "psn_cert_type": "01", "certno": "", "psn_name": "",
        } })
    }

    pub(super) fn registration(&self) -> Value {
        json!({ "data": {
            "psn_no": self.person.psn_no, "insutype": self.person.main_insurance().insutype,
            "begntime": clock::spaced(Timestamp::now()), "mdtrt_cert_type": "01",
            "mdtrt_cert_no": self.token, "ipt_otp_no": self.msgid(), "atddr_no": "D1",
            "dr_name": "虞问溪",
            "dept_code": "0301", "dept_name": "内科门诊", "caty": "A03",
        } })
    }

    pub(super) fn visit(&self) -> Value {
        let now = clock::spaced(Timestamp::now());
        json!({
            "mdtrtinfo": {
                "mdtrt_id": self.mdtrt_id, "psn_no": self.person.psn_no, "med_type": "11",
                "begntime": now, "main_cond_dscr": "", "dise_codg": "", "dise_name": "",
            },
            "diseinfo": [{
                "diag_type": "1", "diag_srt_no": 1, "diag_code": "J03.900", "diag_name": "急性扁桃体炎",
                "diag_dept": "0301", "dise_dor_no": "D1", "dise_dor_name": "虞问溪", "diag_time": now,
                "vali_flag": "1",
            }],
        })
    }

    pub(super) fn fees(&self) -> Value {
        let line = |serial: &str, code: &str, price: &str, count: &str, amount: &str| {
            json!({
                "feedetl_sn": serial, "mdtrt_id": self.mdtrt_id, "psn_no": self.person.psn_no,
                "chrg_bchno": self.batch, "dise_codg": "", "rxno": "", "rx_circ_flag": "0",
                "fee_ocur_time": clock::spaced(Timestamp::now()), "med_list_codg": code,
                "medins_list_codg": "M1", "det_item_fee_sumamt": amount, "cnt": count,
                "pric": price,
                "bilg_dept_codg": "0301", "bilg_dept_name": "内科门诊", "bilg_dr_codg": "D1",
                "bilg_dr_name": "虞问溪", "hosp_appr_flag": "0",
            })
        };
        json!({ "feedetail": [
            line("1", catalogue::CONSULTATION, "20.00", "1", "20.00"),
            line("2", catalogue::DRUG_B, "38.5", "2", "77.00"),
            line("3", catalogue::SELF_PAID, "45", "1", "45"),
        ] })
    }

    pub(super) fn trial(&self) -> Value {
        json!({ "data": {
            "psn_no": self.person.psn_no, "mdtrt_cert_type": "01", "mdtrt_cert_no": self.token,
            "med_type": "11", "medfee_sumamt": "142.00", "psn_setlway": "01",
            "mdtrt_id": self.mdtrt_id, "chrg_bchno": self.batch, "acct_used_flag": "1",
            "insutype": self.person.main_insurance().insutype,
        } })
    }

    pub(super) fn settlement(&self, trial: &Value) -> Value {
        let mut input = self.trial();
        for name in [
            "fulamt_ownpay_amt",
            "overlmt_selfpay",
            "preselfpay_amt",
            "inscp_scp_amt",
        ] {
            input["data"][name] = trial["output"]["setlinfo"][name].clone();
        }
        input
    }

    pub(super) fn refund(&self, settled: &Value) -> Value {
        json!({ "data": {
            "setl_id": settled["output"]["setlinfo"]["setl_id"], "mdtrt_id": self.mdtrt_id,
            "psn_no": self.person.psn_no,
        } })
    }

    pub(super) fn reversal(&self, omsgid: &str) -> Value {
        json!({ "data": { "psn_no": self.person.psn_no, "omsgid": omsgid, "oinfno": "2207" } })
    }

    pub(super) fn query(&self, setl_id: &str) -> Value {
        json!({ "data": {
            "psn_no": self.person.psn_no, "setl_id": setl_id, "mdtrt_id": self.mdtrt_id,
        } })
    }

    pub(super) fn of_visit(&self) -> Value {
        json!({ "data": {
            "mdtrt_id": self.mdtrt_id, "chrg_bchno": self.batch, "psn_no": self.person.psn_no,
        } })
    }
}

pub(super) fn sign_in() -> Value {
    json!({ "signIn": { "opter_no": "0107", "mac": "02-00-00-00-00-01", "ip": "192.0.2.7" } })
}

pub(super) fn done(answer: &Value) {
    assert_eq!(answer["infcode"], 0, "{answer}");
}

/// The answer is a refusal with this in its text.
pub(super) fn refused(answer: &Value, text: &str) {
    assert_eq!(answer["infcode"], -1, "{answer}");
    let said = answer["err_msg"].as_str().unwrap();
    assert!(
        said.contains(text) && said.ends_with("@127.0.0.1)"),
        "{said}"
    );
    assert!(answer["output"].is_null());
}
