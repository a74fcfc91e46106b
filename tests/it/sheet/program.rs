//! The renderer itself, asked over its frames.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yibaod::document::typeset::{Ask, Fault, PREFIX_BYTES, Told, announced, frame, head};

use super::{fonts_of, lines_of, program, text_of, text_of_page};

/// The sample that ships.
pub(super) const SAMPLE: &str = include_str!("../../../packaging/templates/sheet.json");
/// A warm sheet shall take so long at most; asserted is ten times it.
const WARM_MS: u64 = 20;
/// Sheets that are timed.
const TIMED: usize = 60;

pub(super) struct Renderer {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    asked: u64,
}

impl Renderer {
    pub(super) fn start(env: &[(&str, &Path)]) -> Self {
        let mut child = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .envs(env.iter().copied())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let output = child.stdout.take().expect("a pipe");
        let mut renderer = Self {
            child,
            input,
            output,
            asked: 0,
        };
        assert!(matches!(renderer.told().0, Told::Hello { version: 1 }));
        renderer
    }

    fn told(&mut self) -> (Told, Vec<u8>) {
        let mut prefix = [0; PREFIX_BYTES];
        self.output.read_exact(&mut prefix).expect("it lives");
        let (head_bytes, body_bytes) = announced(prefix).expect("a frame");
        let mut whole = vec![0; head_bytes + body_bytes];
        self.output.read_exact(&mut whole).expect("a whole frame");
        let body = whole.split_off(head_bytes);
        (head(&whole).expect("a message"), body)
    }

    pub(super) fn ask(
        &mut self,
        template_dir: Option<&Path>,
        values: &Value,
    ) -> Result<(u32, Vec<u8>), Fault> {
        self.asked += 1;
        let ask = Ask {
            id: self.asked,
            template_dir: template_dir.map_or_else(String::new, |dir| dir.display().to_string()),
        };
        let whole = frame(&ask, values.to_string().as_bytes()).expect("it is short");
        self.input.write_all(&whole).expect("it lives");
        match self.told() {
            (Told::Done { id, pages }, bytes) if id == self.asked => Ok((pages, bytes)),
            (Told::Failed { id, fault }, _) if id == self.asked => Err(fault),
            (told, _) => panic!("it was not asked that: {told:?}"),
        }
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

pub(super) fn sample() -> Value {
    serde_json::from_str(SAMPLE).expect("the sample is JSON")
}

/// Every text below these fields.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn everything_that_is_to_be_printed_stands_on_the_sheet() {
    let mut renderer = Renderer::start(&[]);
    for paper in ["a4", "a5"] {
        let mut values = sample();
        values["paper"] = json!(paper);
        values["copy"] = json!({ "count": 2, "at": "2026-11-22 11:00:00", "by": "补打人" });
        values["refunded"] = json!("30000000000009");
        values["refunding"] = json!(true);
        values["viewing"] = json!(true);
        let (pages, pdf) = renderer.ask(None, &values).expect("a sheet");
        assert_eq!(pages, 1, "{paper}");
        assert!(pdf.starts_with(b"%PDF-1.4"), "{paper}");
        let text = text_of(&pdf);
        let mut wanted = vec![
            "医疗保险门诊结算单".to_owned(),
            "补打第2次2026-11-2211:00:00补打人".to_owned(),
            "已退费退费结算ID30000000000009".to_owned(),
            "退费处理中（结果待查）".to_owned(),
            "供查看".to_owned(),
            "签名".to_owned(),
        ];
        wanted.push("年度累计，截至2026-11-2210:30:00".to_owned());
        for field in ["hospital", "patient", "amounts", "year_to_date", "foot"] {
            texts(&values[field], &mut wanted);
        }
        for field in [
            "ipt_otp_no",
            "mdtrt_id",
            "begun_at",
            "department",
            "doctor",
            "bills",
            "diagnoses",
        ] {
            texts(&values["visit"][field], &mut wanted);
        }
        for field in ["setl_id", "setl_time", "operator"] {
            texts(&values["settlement"][field], &mut wanted);
        }
        for line in values["lines"].as_array().expect("a list") {
            for field in ["name", "count", "price", "amount"] {
                texts(&line[field], &mut wanted);
            }
        }
        for fund in values["funds"].as_array().expect("a list") {
            texts(&fund["name"], &mut wanted);
        }
        for said in wanted {
            let said: String = said.chars().filter(|c| !c.is_whitespace()).collect();
            assert!(text.contains(&said), "{paper}: no {said} in {text}");
        }
        // Each amount stands behind its name.
        for (name, field) in [
            ("医疗费总额", "medfee_sumamt"),
            ("符合政策范围金额", "inscp_scp_amt"),
            ("本次起付线", "act_pay_dedc"),
            ("基金支付总额", "fund_pay_sumamt"),
            ("统筹基金支付", "hifp_pay"),
            ("公务员医疗补助", "cvlserv_pay"),
            ("个人账户支付", "acct_pay"),
            ("个人现金支付", "psn_cash_pay"),
        ] {
            let amount = values["amounts"][field].as_str().expect("a text");
            assert!(
                text.contains(&format!("{name}{amount}")),
                "{name} {amount}: {text}"
            );
        }
    }
}

#[test]
fn pages_behind_the_first_say_whose_sheet_it_is() {
    let mut renderer = Renderer::start(&[]);
    for (paper, name) in [("a4", "张**"), ("a5", "李**"), ("a4", "王**")] {
        let mut values = sample();
        values["paper"] = json!(paper);
        values["patient"]["name"] = json!(name);
        let line = values["lines"][0].clone();
        values["lines"] = json!(vec![line; 120]);
        let (pages, pdf) = renderer.ask(None, &values).expect("a sheet");
        assert!(pages >= 3, "{paper}: {pages}");
        for page in 1..=pages {
            let text = text_of_page(&pdf, page);
            let number = format!("第{page}页，共{pages}页");
            assert!(text.contains(&number), "{paper}: no {number} in {text}");
            let whose = format!("续页姓名{name}结算ID30000000000001");
            assert_eq!(text.contains(&whose), page > 1, "{paper} {page}: {text}");
        }
    }
}

#[test]
fn a_long_number_stands_on_one_line() {
    let mut renderer = Renderer::start(&[]);
    for paper in ["a4", "a5"] {
        let mut values = sample();
        values["paper"] = json!(paper);
        let long = "430100202611221029580000000001";
        values["visit"]["mdtrt_id"] = json!(long);
        let (pages, pdf) = renderer.ask(None, &values).expect("a sheet");
        assert_eq!(pages, 1, "{paper}");
        let lines = lines_of(&pdf, 1);
        let is_whole = lines.lines().any(|line| line.contains(long));
        assert!(is_whole, "{paper}: {lines}");
    }
}

#[test]
fn a_rare_name_is_drawn_or_told_never_a_box() {
    let mut renderer = Renderer::start(&[]);
    let (mut drawn, mut told) = (0, 0);
    // 100 names of characters that are common, of Extension A and of Extension B.
    let firsts = (0..100_u32).flat_map(|n| [0x4e00 + n * 200, 0x3400 + n * 60, 0x2_0000 + n * 400]);
    for first in firsts {
        let rare = char::from_u32(first).expect("a character");
        let name = format!("陈{rare}");
        let mut values = sample();
        values["patient"]["name"] = json!(name);
        match renderer.ask(None, &values) {
            Ok((_, pdf)) => {
                let text = text_of(&pdf);
                assert!(text.contains(&name), "U+{first:X}: {text}");
                drawn += 1;
            }
            Err(Fault::NoGlyph { fields, blocks }) => {
                assert_eq!(fields, ["patient.name"], "U+{first:X}");
                let block = match first {
                    0x2_0000.. => "CJK Extension B",
                    0x4e00.. => "CJK",
                    _ => "CJK Extension A",
                };
                assert_eq!(blocks, [block], "U+{first:X}");
                told += 1;
            }
            Err(other) => panic!("U+{first:X}: {other:?}"),
        }
    }
    println!("{drawn} rare names drawn, {told} told");
    assert_eq!(drawn + told, 300);
    assert!(
        drawn >= 100,
        "the font of the tests draws what is common: {drawn}"
    );
    // No font has a character that is none.
    let mut values = sample();
    values["lines"][1]["name"] = json!("\u{e000}");
    let fault = renderer.ask(None, &values).expect_err("nobody has it");
    let expected = Fault::NoGlyph {
        fields: vec!["lines[1].name".to_owned()],
        blocks: vec!["Private Use".to_owned()],
    };
    assert_eq!(fault, expected);
}

#[test]
fn a_machine_without_chinese_fonts_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let fonts = dir.path().join("fonts");
    std::fs::create_dir(&fonts).expect("its folder");
    let conf = fonts_of(dir.path(), &fonts);
    let mut renderer = Renderer::start(&[("FONTCONFIG_FILE", &conf)]);
    let fault = renderer.ask(None, &sample());
    assert_eq!(fault.expect_err("no font"), Fault::NoFont);
    // One that is installed meanwhile is found without a restart.
    let wqy = Path::new("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc");
    std::fs::copy(wqy, fonts.join("wqy.ttc")).expect("tests/run installs it");
    let sheet = renderer.ask(None, &sample());
    let (_, pdf) = sheet.expect("it is found");
    assert!(text_of(&pdf).contains("医疗保险门诊结算单"));
}

#[test]
fn a_warm_sheet_is_quick() {
    let mut renderer = Renderer::start(&[]);
    let began = Instant::now();
    renderer.ask(None, &sample()).expect("a sheet");
    let cold = began.elapsed();
    let sheet = warm(&mut renderer, None);
    // What a page with one word takes on the same way: process, pipes, font, PDF.
    let dir = tempfile::tempdir().expect("a folder");
    let word = "#let sheet = json(\"sheet.json\")\n#set text(font: \"WenQuanYi Micro Hei\")\n医保";
    std::fs::write(dir.path().join("settlement.typ"), word).expect("its folder");
    let floor = warm(&mut renderer, Some(dir.path()));
    let told = format!(
        "sheet: cold {cold:?}; warm of {TIMED}: min {:?}, p50 {:?} (goal {WARM_MS} ms); floor p50 {:?}\n",
        sheet[0],
        sheet[TIMED / 2],
        floor[TIMED / 2]
    );
    // Into the log of a test that passes, too.
    std::io::stderr().write_all(told.as_bytes()).expect("a log");
    let p50 = sheet[TIMED / 2];
    assert!(p50 <= Duration::from_millis(10 * WARM_MS), "{p50:?}");
}

/// How long each of some sheets takes, the quickest first.
fn warm(renderer: &mut Renderer, template: Option<&Path>) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..TIMED)
        .map(|number| {
            // Another person, time and other amounts each time: nothing but the template is the same.
            let mut values = sample();
            values["patient"]["name"] = json!(format!("病人{number}"));
            values["settlement"]["setl_id"] = json!(format!("3000000{number:07}"));
            values["printed_at"] = json!(format!("2026-11-22 11:00:{number:02}"));
            values["amounts"]["medfee_sumamt"] = json!(format!("{number}.42"));
            let began = Instant::now();
            renderer.ask(template, &values).expect("a sheet");
            began.elapsed()
        })
        .collect();
    times.sort();
    times
}
