//! After the first settlement: what to try next, and simple commands from stdin.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use yibaod::api::{ScanAndPayRequest, Settlement};
use yibaod::sandbox::persons::everybody;
use yibaod::sandbox::platform::CodeKind;
use yibaod::sandbox::platform::faults::listed;

use crate::args::Args;
use crate::daemon::Daemon;
use crate::desk::Desk;
use crate::draw::{Say, left};
use crate::files::Place;
use crate::programs::Programs;
use crate::{Trouble, first, paper, pay};

/// Calls with one request_id when the daemon goes away again and again.
const ASKS_MAX: u32 = 5;
/// How long until the next.
const ASK_AGAIN_MS: u64 = 1_000;
const HELP: &str = "  pay [PERSON]          a scan-and-pay from here                 在此发起一笔
  person NAME           who shows codes from here on             更换患者
  scan [KIND]           shows a code now: fresh expired used wechat alipay half glued idno
                        (start with --no-patient, else the patient is faster  须以 --no-patient 启动)
  fault F1@2207         arms a fault (! at the end: for good)    注入故障
  faults / heal         what is armed / disarms all              查看 / 解除
  fault-list            every fault, a line each                 全部故障一览
  paper-out [BYTES]     the paper ends (after so many bytes)     缺纸
  refill                a new roll                               换纸
  report paper-out [N]  the report printer's tray ends (after N) 报告打印机缺纸
  report refill         a new pack of paper                      报告打印机加纸
  report                the last paper of the report printer     最近打印的报告或结算单
  unplug / plug         the scanner's cable                      拔 / 插扫码器
  kill                  kill -9 of the daemon, and start again   强杀并重启守护进程
  ledger                the platform's books                     平台账本
  persons               who is insured                           参保人
  receipt               the last paper                           最近的小票
  scanner … / printer … any word of the devices: `printer open-cover`, `scanner scan 123`
  help, quit";

/// What one line asks for.
enum Next {
    GoOn,
    Quit,
}

/// What can be reached from a command.
struct Room<'a> {
    say: &'a Say,
    desk: &'a Arc<Desk>,
    place: &'a Place,
    daemon: &'a mut Daemon,
}

/// Reads commands until `quit`; without stdin it stays up until it is stopped.
pub(crate) async fn run(
    say: &Say,
    desk: &Arc<Desk>,
    place: &Place,
    programs: &Programs,
    daemon: &mut Daemon,
    args: &Args,
) -> Result<(), Trouble> {
    next(say, desk, place, programs, args);
    let mut room = Room {
        say,
        desk,
        place,
        daemon,
    };
    let mut lines: Lines<BufReader<Stdin>> = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match room.command(&line).await {
            Ok(Next::GoOn) => {}
            Ok(Next::Quit) => return Ok(()),
            Err(trouble) => say.line(&format!("  {} {trouble}", say.bad("✗"))),
        }
    }
    // Started without a terminal: others play by the door and the control address.
    std::future::pending().await
}

impl Room<'_> {
    async fn command(&mut self, line: &str) -> Result<Next, Trouble> {
        let (say, desk) = (self.say, self.desk);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit" | "exit" | "q"] => return Ok(Next::Quit),
            ["help" | "?"] => say.line(HELP),
            ["pay"] => self.pay(&desk.person())?,
            ["pay", person] => self.pay(person)?,
            ["person", name] => {
                desk.platform
                    .person(name)
                    .ok_or_else(|| format!("nobody is {name}"))?;
                desk.choose(name);
            }
            ["persons"] => persons(say),
            ["scan"] => drop(desk.show(&desk.person(), CodeKind::Fresh).await?),
            ["scan", kind] => {
                let kind = CodeKind::parse(kind).ok_or_else(|| format!("no such code: {kind}"))?;
                desk.show(&desk.person(), kind).await?;
            }
            ["fault", fault] => {
                desk.platform.arm(fault)?;
                say.line(&format!("  armed: {}", desk.platform.armed().join(" ")));
            }
            ["faults"] => say.line(&format!("  armed: {}", desk.platform.armed().join(" "))),
            ["fault-list"] => say.line(&listed()),
            ["heal"] => desk.platform.disarm(),
            ["paper-out"] => desk.devices.printer.paper_out_after(0),
            ["paper-out", bytes] => desk.devices.printer.paper_out_after(bytes.parse()?),
            ["refill"] => desk.devices.printer.refill(),
            ["report", "paper-out"] => desk.reports.paper_out_after(0),
            ["report", "paper-out", sheets] => desk.reports.paper_out_after(sheets.parse()?),
            ["report", "refill"] => desk.reports.refill(),
            ["report"] => paper::save_report(say, desk, self.place)?,
            ["unplug"] => desk.devices.scanner.unplug(),
            ["plug"] => desk.devices.scanner.replug()?,
            ["kill"] => self.kill().await?,
            ["ledger"] => ledger(say, desk),
            ["receipt"] => paper::show_last(say, desk, self.place)?,
            ["scanner" | "printer", ..] => {
                say.line(&format!("  {}", desk.devices.run(line).await?))
            }
            _ => say.line(&format!(
                "  {line}?  help says what can be done  输入 help 查看命令"
            )),
        }
        Ok(Next::GoOn)
    }

    fn pay(&self, person: &str) -> Result<(), Trouble> {
        let request = pay::bill(self.desk, person, &pay::new_request_id())?;
        self.desk.choose(person);
        let (say, desk, place) = (*self.say, Arc::clone(self.desk), self.place.clone());
        // Beside the commands: while it runs, a code or a fault can be typed.
        tokio::spawn(async move {
            let before = desk.devices.printer.papers().len();
            let told = async {
                let settlement = until_answered(&say, &desk, request).await?;
                first::result(&say, &desk, &place, &settlement, before).await
            };
            if let Err(trouble) = told.await {
                say.line(&format!("  {} {trouble}", say.bad("✗")));
            }
        });
        Ok(())
    }

    async fn kill(&mut self) -> Result<(), Trouble> {
        self.daemon.kill().await?;
        self.say.line("  killed; starting again  已强杀，正在重启");
        self.daemon.begin().await?;
        self.daemon.tell(self.say);
        Ok(())
    }
}

/// The daemon may be killed meanwhile: the same request_id is asked again, which is always safe.
async fn until_answered(
    say: &Say,
    desk: &Desk,
    request: ScanAndPayRequest,
) -> Result<Settlement, Trouble> {
    for _ in 0..ASKS_MAX {
        match pay::told(say, desk, request.clone(), None).await {
            Err(trouble) if is_lost(&trouble) => {}
            told => return told,
        }
        say.line(
            "  the daemon went away; asking again with the same request_id  用同一编号再次查询",
        );
        tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS)).await;
    }
    Err("the daemon did not come back".into())
}

/// Not the daemon's word, but the connection's.
fn is_lost(trouble: &Trouble) -> bool {
    let status = trouble.downcast_ref::<tonic::Status>();
    trouble.is::<tonic::transport::Error>()
        || status.is_some_and(|status| {
            matches!(
                status.code(),
                tonic::Code::Unknown | tonic::Code::Unavailable
            )
        })
}

fn persons(say: &Say) {
    for person in everybody() {
        let insured: Vec<String> = person
            .insured
            .iter()
            .map(|row| format!("{} stas={} {}", row.insutype, row.stas, row.balance))
            .collect();
        let name = left(&person.key, 22);
        say.line(&format!(
            "  {name}{}  {}  {}",
            person.name,
            person.idno,
            insured.join("; ")
        ));
    }
}

fn ledger(say: &Say, desk: &Desk) {
    let received = desk.platform.ledger(|ledger| {
        let counts = [
            "1101", "2201", "2204", "2206", "2207", "2208", "5203", "2601",
        ];
        counts.map(|infno| (infno, ledger.received(infno).len()))
    });
    for line in desk.platform.statement().lines() {
        say.line(&format!("  {line}"));
    }
    let received = received
        .map(|(infno, count)| format!("{infno} × {count}"))
        .join(", ");
    say.line(&format!("  received {received}"));
}

/// The command line that asks the daemon of this run.
pub(crate) fn ctl(args: &Args, place: &Place, programs: &Programs) -> String {
    let socket = place.socket();
    match args.service {
        true => "sudo yibaoctl".to_owned(),
        false => format!("{} --socket {}", shown(&programs.ctl), socket.display()),
    }
}

/// Commands that can be copied, for this run's socket.
fn next(say: &Say, desk: &Desk, place: &Place, programs: &Programs, args: &Args) {
    let socket = place.socket().display().to_string();
    let ctl = ctl(args, place, programs);
    let control = format!("http://{}/sandbox", desk.platform.addr());
    let bill = place.bill(&args.person).display().to_string();
    say.section("try next, in another terminal", "接下来，在另一终端");
    if programs.ctl.is_file() {
        for words in [
            format!("pay {bill}"),
            "status".into(),
            "list".into(),
            "device watch".into(),
        ] {
            say.line(&format!("    {ctl} {words}"));
        }
        say.line(&format!("    {} explain --all", shown(&programs.ctl)));
        say.line("");
    }
    let scripts = programs
        .source
        .as_ref()
        .map(|source| source.join("proto/grpcurl"));
    if let Some(scripts) = scripts.filter(|scripts| scripts.is_dir()) {
        say.line(&format!("    {}/scan-and-pay.sh {socket}", shown(&scripts)));
        say.line(&format!("    {}/list.sh {socket}", shown(&scripts)));
    }
    say.line(&format!(
        "    grpcurl -plaintext -unix -authority localhost {socket} list"
    ));
    say.line("");
    say.line(&format!(
        "    curl -s {control}/fault -d '{{\"fault\":\"F1@2207\"}}'"
    ));
    say.line(&format!("    curl -s {control}/faults/list"));
    say.line(&format!("    curl -s {control}/statement"));
    say.line(&match args.service {
        true => "    journalctl -u yibaod -f".to_owned(),
        false => format!("    tail -f {}", place.log().display()),
    });
    say.section("or type here", "或在此输入");
    say.line(HELP);
    say.line("");
    let patient = match args.no_patient {
        true => "nobody shows a code by himself: type scan  须手动输入 scan 出示医保码".to_owned(),
        false => format!(
            "{} shows a code whenever one is asked for  自动出示医保码",
            args.person
        ),
    };
    say.line(&say.care(&format!("  {patient}")));
}

/// Relative to where the person is, when it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path);
    match shown.is_absolute() || shown.components().count() > 1 {
        true => shown.display().to_string(),
        false => format!("./{}", shown.display()),
    }
}
