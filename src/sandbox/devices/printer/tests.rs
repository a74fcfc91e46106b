//! Jobs in, paper and answers out: the pure machine.

use encoding_rs::GB18030;

use super::interpreter::Oddity;
use super::machine::Machine;
use super::*;

mod faults;

const ALL: usize = usize::MAX;

/// Writes jobs the way a driver does, for tests only.
#[derive(Default)]
struct Job(Vec<u8>);

impl Job {
    fn start() -> Self {
        Self::default().raw(b"\x1B@\x1C&")
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        let (bytes, _, lost) = GB18030.encode(text);
        assert!(!lost);
        self.raw(&bytes)
    }

    fn line(self, text: &str) -> Self {
        self.text(text).raw(b"\n")
    }

    /// Left text, and right text ended at the paper's edge.
    fn pair(self, left: &str, right: &str) -> Self {
        // On paper a two-byte character takes two columns, also × and “.
        let columns = |text: &str| GB18030.encode(text).0.len();
        let gap = 48 - columns(left) - columns(right);
        self.line(&format!("{left}{}{right}", " ".repeat(gap)))
    }

    fn qr(self, payload: &[u8], dots: u8) -> Self {
        let length = u16::try_from(payload.len() + 3).unwrap().to_le_bytes();
        self.raw(b"\x1D(k\x04\x001A2\x00")
            .raw(&[0x1D, b'(', b'k', 3, 0, 49, 67, dots])
            .raw(b"\x1D(k\x03\x001E1")
            .raw(b"\x1D(k")
            .raw(&length)
            .raw(b"1P0")
            .raw(payload)
            .raw(b"\x1D(k\x03\x001Q0")
    }

    fn id(self, id: &[u8; 4]) -> Self {
        self.raw(b"\x1D(H\x06\x0000").raw(id)
    }

    fn cut(self) -> Self {
        self.raw(b"\x1DVB\x00")
    }
}

fn machine() -> Machine {
    let mut machine = Machine::new(Options::default());
    machine.set_connected(true);
    machine
}

/// Sends all, works all off; gives what the printer said.
fn run(machine: &mut Machine, bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    for piece in bytes.chunks(1_000) {
        machine.receive(piece);
        machine.work(ALL);
        said.extend(machine.take_outbox());
    }
    said
}

fn text_of(job: &Job) -> String {
    let mut machine = machine();
    run(&mut machine, &job.0);
    assert_eq!(machine.oddities(), []);
    machine.papers().iter().map(Paper::text).collect()
}

fn receipt() -> Job {
    let rule = "-".repeat(48);
    Job::start()
        .raw(b"\x1Ba\x01\x1D!\x11")
        .line("示例市第一人民医院")
        .raw(b"\x1D!\x00\x1BE\x01")
        .line("医保门诊结算收据")
        .raw(b"\x1BE\x00\x1Ba\x00")
        .line(&rule)
        .pair("姓名：张*三", "性别：男  年龄：46")
        .pair("医保编号：3301************12", "险种：职工医保")
        .line("就诊号：MZ20261121000017")
        .line("结算时间：2026-11-21 23:41:34")
        .line(&rule)
        .raw(b"\x1BE\x01")
        .pair("项目/规格          单价×数量", "金额")
        .raw(b"\x1BE\x00")
        .pair("[甲]阿莫西林胶囊 0.25g×24粒", "")
        .pair("                   12.50×2", "25.00")
        .pair("[乙]苯磺酸氨氯地平片 5mg", "")
        .pair("                   28.64×1", "28.64")
        .pair("[自]一次性采血针", "")
        .pair("                   1.20×1", "1.20")
        .pair("普通门诊诊查费     10.00×1", "10.00")
        .line(&rule)
        .pair("合计", "64.84")
        .pair("统筹基金支付", "45.39")
        .pair("个人账户支付", "10.00")
        .raw(b"\x1BE\x01\x1D!\x01\x1C!\x08")
        .pair("个人现金支付（元）", "9.45")
        .raw(b"\x1D!\x00\x1C!\x00\x1BE\x00")
        .line(&rule)
        .raw(b"\x1Ba\x01")
        .qr("https://example.test/r/20261121000017".as_bytes(), 6)
        .line("")
        .raw(b"\x1B-\x01\x1C-\x01")
        .line("仅供核对，不作报销凭证")
        .raw(b"\x1B-\x00\x1C-\x00\x1DB\x01")
        .line(" 补打 ")
        .raw(b"\x1DB\x00\x1Ba\x00")
        .line("䶮㛃“—…·”ＡＢ￥¥€①")
        .id(b"R001")
        .cut()
}

#[test]
fn a_chinese_receipt_comes_out_whole() {
    let mut machine = machine();
    let said = run(&mut machine, &receipt().0);
    assert_eq!(said, b"\x37\x22R001\x00");
    assert_eq!(machine.oddities(), []);
    let papers = machine.papers();
    assert_eq!(papers.len(), 1);
    let text = papers[0].text();
    for shown in [
        "              <示例市第一人民医院>\n",
        "                医保门诊结算收据\n",
        "姓名：张*三                   性别：男  年龄：46\n",
        "个人现金支付（元）                          9.45\n",
        "[QR https://example.test/r/20261121000017]\n",
        "             仅供核对，不作报销凭证\n",
        "䶮㛃“ — …",
    ] {
        assert!(text.contains(shown), "{shown} in\n{text}");
    }
    assert_eq!(papers[0].cut(), Some(Cut::Partial));
    assert!(text.lines().all(|line| super::text::columns_of(line) <= 60));
}

#[test]
fn the_picture_can_be_opened_and_has_ink() {
    let mut machine = machine();
    run(&mut machine, &receipt().0);
    let paper = &machine.papers()[0];
    let picture = paper.png();
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(picture))
        .read_info()
        .unwrap();
    let mut grey = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut grey).unwrap();
    assert_eq!(
        usize::try_from(info.width).unwrap(),
        PAPER_DOTS + 2 * 32 + 2 * 20
    );
    assert_eq!(
        usize::try_from(info.height).unwrap(),
        paper.height() + 2 * 16 + 2 * 20
    );
    let black = grey.iter().filter(|grey| **grey == 0x1E).count();
    assert!(black > 20_000, "{black}");
}

#[test]
fn sizes_and_alignment() {
    let job = Job::start()
        .raw(b"\x1Ba\x02")
        .line("right")
        .raw(b"\x1Ba\x01")
        .line("mid")
        .raw(b"\x1Ba\x00\x1D!\x10")
        .text("AB")
        .raw(b"\x1D!\x00")
        .line("c")
        .raw(b"\x1B!\x20")
        .line("汉ab")
        .raw(b"\x1C!\x04\x1B!\x00")
        .line("汉ab")
        .cut();
    let shown = [
        format!("{}right\n", " ".repeat(43)),
        format!("{}mid\n", " ".repeat(22)),
        "<AB>c\n".to_owned(),
        // ESC ! is for letters, FS ! for Chinese.
        "汉<ab>\n".to_owned(),
        "<汉>ab\n".to_owned(),
    ];
    assert_eq!(text_of(&job), shown.concat());
}

#[test]
fn sizes_in_dots() {
    let ink = |setting: &[u8]| {
        let job = Job::start().raw(setting).line("█").cut();
        let mut machine = machine();
        run(&mut machine, &job.0);
        let paper = machine.papers().remove(0);
        let all = || (0..paper.height()).flat_map(|y| (0..PAPER_DOTS).map(move |x| (x, y)));
        let black: Vec<_> = all().filter(|(x, y)| paper.dot(*x, *y)).collect();
        let wide = black.iter().map(|(x, _)| *x).max().unwrap() + 1;
        let rows = black.iter().map(|(_, y)| *y);
        (wide, rows.clone().max().unwrap() + 1 - rows.min().unwrap())
    };
    assert_eq!(ink(b""), (24, 24));
    assert_eq!(ink(b"\x1D!\x01"), (24, 48));
    assert_eq!(ink(b"\x1D!\x32"), (96, 72));
    assert_eq!(ink(b"\x1CW\x01"), (48, 48));
}

#[test]
fn long_lines_wrap_and_a_full_line_is_one_line() {
    let job = Job::start()
        .line(&"x".repeat(48))
        .line(&"汉".repeat(25))
        .cut();
    let shown = format!("{}\n{}\n汉\n", "x".repeat(48), "汉".repeat(24));
    assert_eq!(text_of(&job), shown);
}

#[test]
fn tabs_and_moves() {
    let job = Job::start()
        .raw(b"\x1BD\x0A\x14\x00")
        .line("a\tb\tc")
        .text("x")
        .raw(b"\x1B$\x20\x01")
        .line("y")
        .text("x")
        .raw(b"\x1B\\\x0C\x00")
        .line("y")
        .cut();
    let shown = format!(
        "a{}b{}c\nx{}y\nx y\n",
        " ".repeat(9),
        " ".repeat(9),
        " ".repeat(23)
    );
    assert_eq!(text_of(&job), shown);
}

#[test]
fn feeding_shows_as_empty_lines() {
    let job = Job::start()
        .line("a")
        .raw(b"\n\n")
        .text("b")
        .raw(b"\x1Bd\x03")
        .line("c")
        .cut();
    assert_eq!(text_of(&job), "a\n\n\nb\n\n\nc\n");
}

#[test]
fn a_cut_without_feeding_leaves_print_for_the_next_paper() {
    let mut machine = machine();
    let lines = (1..=6).fold(Job::start(), |job, n| job.line(&format!("line {n}")));
    run(&mut machine, &lines.raw(b"\x1DV\x00").line("next").cut().0);
    let texts: Vec<_> = machine.papers().iter().map(Paper::text).collect();
    assert_eq!(
        texts,
        [
            "line 1\nline 2\n\n".trim_end().to_owned() + "\n",
            "line 3\nline 4\nline 5\nline 6\nnext\n".to_owned()
        ]
    );
    assert_eq!(machine.papers()[0].cut(), Some(Cut::Full));
    assert_eq!(machine.counters().papers, 2);
}

#[test]
fn without_chinese_mode_the_bytes_are_pc437() {
    let job = Job::default()
        .raw(b"\x1B@")
        .raw(&GB18030.encode("中¥").0)
        .raw(b"\n")
        .cut();
    assert_eq!(text_of(&job), "╓╨ü0ä6\n");
}

#[test]
fn a_printer_without_four_bytes_prints_garbage() {
    let mut machine = Machine::new(Options {
        charset: Charset::Gbk,
        ..Options::default()
    });
    run(
        &mut machine,
        &Job::start().line("中¥12䶮").line("镕㛃").cut().0,
    );
    assert_eq!(machine.papers()[0].text(), "中 0 612\n镕 0 1\n");
    assert_eq!(machine.counters().oddities, 5);
    let mut machine = Machine::new(Options {
        charset: Charset::Gb2312,
        ..Options::default()
    });
    run(&mut machine, &Job::start().line("中镕中").cut().0);
    assert_eq!(machine.papers()[0].text(), "中　中\n");
    assert_eq!(machine.oddities(), [Oddity::NoGlyph("E946".to_owned())]);
}

#[test]
fn what_is_not_known_is_counted_and_the_rest_prints() {
    let mut machine = machine();
    let job = Job::start()
        .raw(b"\x1BZ1\x1D(L\x05\x00abcde")
        .line("2")
        .raw(b"\x1D!\xFF")
        .raw(b"x\x1Ba\x01\n")
        .raw(b"\x1D(H\x06\x0000\x01bcd")
        .cut();
    let said = run(&mut machine, &job.0);
    assert_eq!(said, b"", "a process id has printable characters");
    assert_eq!(machine.papers()[0].text(), "12\nx\n");
    let unknown = |what: &str| Oddity::Unknown(what.to_owned());
    assert_eq!(
        machine.oddities(),
        [
            unknown("1B5A"),
            unknown("1D284C0500"),
            Oddity::Ignored("GS ! beyond 8"),
            Oddity::Ignored("ESC a inside a line"),
            unknown("1D28480600303001 62".replace(' ', "").as_str()),
        ]
    );
}

#[test]
fn pictures_dot_by_dot() {
    let mut machine = machine();
    let job = Job::start()
        .raw(b"\x1Dv0\x00\x02\x00\x02\x00\x80\x01\x00\xFF")
        .raw(b"\x1Dv0\x03\x01\x00\x01\x00\x40")
        .raw(b"\x1B*\x21\x02\x00\x80\x00\x01\xFF\xFF\xFFx\n")
        .cut();
    run(&mut machine, &job.0);
    assert_eq!(machine.oddities(), []);
    let paper = machine.papers().remove(0);
    let top = 120;
    let row = |y: usize| {
        (0..16)
            .filter(|x| paper.dot(*x, top + y))
            .collect::<Vec<_>>()
    };
    assert_eq!(row(0), [0, 15]);
    assert_eq!(row(1), (8..16).collect::<Vec<_>>());
    assert_eq!((row(2), row(3), row(4).len()), (vec![2, 3], vec![2, 3], 2));
    let column = |x: usize| {
        (4..28)
            .filter(|y| paper.dot(x, top + y))
            .collect::<Vec<_>>()
    };
    assert_eq!(column(0), [4, 27]);
    assert_eq!(column(1).len(), 24);
    assert_eq!(paper.text(), "[picture 16x2]\n[picture 16x2]\n#x\n");
}

#[test]
fn the_qr_code_is_really_drawn() {
    let payload = "医保结算:3301".as_bytes();
    let mut machine = machine();
    run(
        &mut machine,
        &Job::start().raw(b"\x1Ba\x01").qr(payload, 5).cut().0,
    );
    assert_eq!(machine.oddities(), []);
    let paper = machine.papers().remove(0);
    let code = qrcode::QrCode::with_error_correction_level(payload, qrcode::EcLevel::M).unwrap();
    let (side, colors) = (code.width(), code.to_colors());
    let left = (PAPER_DOTS - side * 5) / 2;
    for (at, color) in colors.iter().enumerate() {
        for dot in 0..25 {
            let (x, y) = (at % side * 5 + dot % 5, at / side * 5 + dot / 5);
            assert_eq!(paper.dot(left + x, 120 + y), *color == qrcode::Color::Dark);
        }
    }
    assert!(paper.text().contains("[QR 医保结算:3301]"));
}

#[test]
fn bytes_may_arrive_one_by_one() {
    let whole = text_of(&receipt());
    let mut machine = machine();
    for byte in &receipt().0 {
        machine.receive(&[*byte]);
        machine.work(ALL);
    }
    assert_eq!(machine.papers()[0].text(), whole);
    assert_eq!(machine.take_outbox(), b"\x37\x22R001\x00");
    assert_eq!(machine.held_bytes(), 0);
}
