//! The five flows of a hospital, acted step by step through the gRPC door by the library that people watch too; and the
//! trouble on the way.

mod five;
mod id_card;
mod insurance;
mod registration;
mod social_card;
mod trouble;

use yibaod::api::{Amounts, PrintJobState};
use yibaod::sandbox::acting::{Paying, Room, Scene};
use yibaod::sandbox::devices::card::{CardSlot, IdCardReader};
use yibaod::sandbox::devices::report::ReportPrinter;
use yibaod::sandbox::his::His;
use yibaod::sandbox::persons::everybody;

use crate::card::pcscd::Pcscd;
use crate::desk::{Desk, Setup, channel, today};

/// A desk with a report printer.
struct Kiosk {
    desk: Desk,
    reports: ReportPrinter,
    /// The reader, and the folder of its line.
    id_cards: Option<(IdCardReader, tempfile::TempDir)>,
    /// The slot, and the pcscd that reads it.
    social_cards: Option<(CardSlot, Pcscd)>,
}

impl Kiosk {
    /// With a 居民身份证 reader.
    async fn start_with_id_cards() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let reader = IdCardReader::start(dir.path()).expect("a pty");
        let path = reader.path().display();
        let device = format!(
            "[[device]]\nname = \"ids\"\nrole = \"id-card\"\nkind = \"id-card-serial\"\npath = \"{path}\"\n"
        );
        let kiosk = Self::start(Setup {
            config_more: device,
            ..Setup::default()
        })
        .await;
        Self {
            id_cards: Some((reader, dir)),
            ..kiosk
        }
    }

    /// With a reader for 社保卡, by the real pcscd.
    async fn start_with_social_cards() -> Self {
        let pcscd = Pcscd::start();
        let slot = CardSlot::at(pcscd.port());
        let device = "[[device]]\nname = \"cards\"\nrole = \"card\"\nkind = \"pcsc-reader\"\n\
                      reader = \"Virtual PCD 00 00\"\n";
        let kiosk = Self::start(Setup {
            config_more: device.to_owned(),
            env: vec![pcscd.env()],
            ..Setup::default()
        })
        .await;
        Self {
            social_cards: Some((slot, pcscd)),
            ..kiosk
        }
    }

    async fn start(setup: Setup) -> Self {
        let reports = ReportPrinter::start().expect("a free port");
        let device = format!(
            "[[device]]\nname = \"reports\"\nrole = \"report\"\nkind = \"ipp-printer\"\nuri = \"{}\"\n",
            reports.uri()
        );
        let config_more = format!("{}\n{device}", setup.config_more);
        let desk = Desk::start(Setup {
            config_more,
            ..setup
        })
        .await;
        Self {
            desk,
            reports,
            id_cards: None,
            social_cards: None,
        }
    }

    /// People before it, who write nothing down.
    async fn scene(&self) -> Scene<'_> {
        let door = channel(&self.desk.socket()).await;
        let room = Room {
            platform: &self.desk.platform,
            scanner: &self.desk.scanner,
            id_cards: self.id_cards.as_ref().map(|(reader, _)| reader),
            social_cards: self.social_cards.as_ref().map(|(slot, _)| slot),
            receipts: &self.desk.printer,
            reports: &self.reports,
        };
        // The platform's day: what is of a later one differs from what the platform says of this.
        // It opened before the first time of the day.
        let his = His::open(&everybody(), &today(), "07:30");
        Scene::new(door.expect("its door is open"), room, his, "acted", |_| {})
    }

    fn received(&self, infno: &str) -> usize {
        self.desk
            .platform
            .ledger(|ledger| ledger.received(infno).len())
    }

    /// Settlements that stand: neither refunded nor reversed, and no refund of another.
    fn live(&self) -> usize {
        let ledger = |ledger: &yibaod::sandbox::platform::Ledger| {
            let rows = ledger.settlements();
            rows.iter().filter(|row| row.is_live()).count()
        };
        self.desk.platform.ledger(ledger)
    }
}

/// Total, fund, account and cash in fen.
fn shares(paying: &Paying) -> [i64; 4] {
    let settlement = paying.settlement.clone().expect("it began");
    let amounts: Amounts = settlement.amounts.expect("what settled has amounts");
    [
        amounts.medfee_sumamt_fen,
        amounts.fund_pay_sumamt_fen,
        amounts.acct_pay_fen,
        amounts.psn_cash_pay_fen,
    ]
}

/// What screens said, one after the other: each holds its words, and there are no others.
#[track_caller]
fn check_screens(scene: &Scene<'_>, expected: &[&str]) {
    let said = scene.screens();
    let all = format!("{said:#?}");
    assert_eq!(said.len(), expected.len(), "{all}");
    for (said, words) in said.iter().zip(expected) {
        assert!(said.contains(words), "no {words} in {said}\n{all}");
    }
    check_plain(scene);
}

/// Some screen said it.
#[track_caller]
fn check_said(scene: &Scene<'_>, words: &str) {
    let said = scene.screens();
    let is_said = said.iter().any(|said| said.contains(words));
    assert!(is_said, "no {words} in {said:#?}");
    check_plain(scene);
}

/// These were told one after the other, by whomever; others between them.
#[track_caller]
fn check_order(scene: &Scene<'_>, expected: &[&str]) {
    let told: Vec<String> = scene.told().into_iter().map(|line| line.zh).collect();
    let mut rest = told.iter();
    for words in expected {
        let is_told = rest.any(|line| line.contains(words));
        assert!(is_told, "no {words} in its place in {told:#?}");
    }
}

fn states(jobs: &[yibaod::api::PrintJob]) -> Vec<PrintJobState> {
    jobs.iter().map(|job| job.state()).collect()
}

/// No patient's screen said anything in words of technicians or of the staff.
#[track_caller]
fn check_plain(scene: &Scene<'_>) {
    for said in scene.screens() {
        assert!(is_plain(&said), "{said}");
    }
}

/// Numbers of bills, reports and receipts bear letters too: it is words that a patient cannot use.
fn is_plain(said: &str) -> bool {
    let words = said.split(|c: char| !c.is_ascii_alphabetic());
    let is_word = |word: &str| word.len() > 3 || matches!(word, "HIS" | "PDF");
    let technical = [
        "信息科",
        "日志",
        "配置",
        "守护进程",
        "请求编号",
        "接口",
        "令牌",
    ];
    // What the doctor is asked at the desk's own screen speaks of the patient.
    let is_doctors = said == "请核对患者姓名和证件号码。";
    let of_staff = ["此人", "患者", "所列", "重新发起", "错误:", "错误："];
    let is_of_staff = !is_doctors && of_staff.iter().any(|word| said.contains(word));
    !is_of_staff
        && !words.into_iter().any(is_word)
        && !technical.iter().any(|word| said.contains(word))
}
