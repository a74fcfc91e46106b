//! The first scan-and-pay: the bill, the story, the amounts, the paper, and whether all of it is true.

use std::time::Duration;

use yibaod::api::{Money, PaperState, ScanAndPayRequest, Settlement};

use crate::Trouble;
use crate::args::Args;
use crate::desk::Desk;
use crate::draw::{Say, bar, left, right, yuan};
use crate::files::Place;
use crate::pay::{self, Shows};
use crate::{paper, truth};

/// Columns of the bar that shows who pays.
const BAR_COLUMNS: usize = 52;

/// Runs it. `false`: not settled, not printed, or the ledger does not agree.
pub(crate) async fn run(
    args: &Args,
    say: &Say,
    desk: &Desk,
    place: &Place,
) -> Result<bool, Trouble> {
    let request = pay::bill(desk, &args.person, &pay::new_request_id())?;
    say.section("the bill", "账单");
    say.lines(&bill(say, &request));
    say.section("one call through the gRPC door", "一次调用");
    let shows = Shows {
        person: &args.person,
        delay: Duration::from_millis(args.patient_delay_ms),
    };
    let papers_before = desk.devices.printer.papers().len();
    let settlement = pay::told(say, desk, request, Some(shows)).await?;
    result(say, desk, place, &settlement, papers_before).await
}

/// Amounts, paper and checks of an answer.
pub(crate) async fn result(
    say: &Say,
    desk: &Desk,
    place: &Place,
    settlement: &Settlement,
    papers_before: usize,
) -> Result<bool, Trouble> {
    if let Some(error) = &settlement.error {
        say.line("");
        say.line(&format!("  {} {}", say.bad(&error.code), error.meaning_zh));
        say.line(&format!("        → {}", error.action_zh));
        say.line(&say.dim(&format!(
            "        {} → {}",
            error.meaning_en, error.action_en
        )));
    }
    if settlement.money() == Money::Settled {
        say.section("who pays", "费用分担");
        say.lines(&amounts(say, settlement));
    }
    let printed = settlement.paper.as_ref().map(|paper| paper.state()) == Some(PaperState::Printed);
    let mut is_right = true;
    if printed {
        say.section("the receipt", "小票");
        is_right = paper::show_next(say, desk, place, papers_before).await?;
    }
    say.section("is it true?", "核对");
    for (holds, what) in truth::settled_and_printed(desk, settlement) {
        say.check(holds, &what);
        is_right &= holds;
    }
    Ok(is_right)
}

fn bill(say: &Say, request: &ScanAndPayRequest) -> Vec<String> {
    let mut lines = Vec::new();
    let patient = request.patient.clone().unwrap_or_default();
    let visit = request.visit.clone().unwrap_or_default();
    lines.push(format!(
        "  {}  {}  {}",
        say.bold(&patient.name),
        visit.dept_name,
        visit.dr_name
    ));
    let mut total = 0;
    for line in request.bills.iter().flat_map(|bill| &bill.lines) {
        total += line.amount_fen;
        lines.push(format!(
            "    {}{}{}{}",
            left(&line.name, 34),
            right(&line.pric, 9),
            right(&format!("× {}", line.cnt), 6),
            right(&yuan(line.amount_fen), 11)
        ));
    }
    let sum = format!("    {}{}", left("合计 total", 49), right(&yuan(total), 11));
    lines.push(say.bold(&sum));
    lines
}

fn amounts(say: &Say, settlement: &Settlement) -> Vec<String> {
    let it = settlement.amounts.clone().unwrap_or_default();
    let (fund, account, cash) = (it.fund_pay_sumamt_fen, it.acct_pay_fen, it.psn_cash_pay_fen);
    let mut lines = vec![format!("  {}", bar(fund, account, cash, BAR_COLUMNS))];
    let rows = [
        ("█", "基金支付", "the insurance's funds", fund, true),
        (
            " ",
            "　其中统筹",
            "of it the pooled fund",
            it.hifp_pay_fen,
            false,
        ),
        (
            " ",
            "　其中公务员补助",
            "of it civil servants",
            it.cvlserv_pay_fen,
            false,
        ),
        ("▓", "个人账户", "the personal account", account, true),
        ("░", "个人现金", "to be collected", cash, true),
        (
            " ",
            "医疗费总额",
            "the whole bill",
            it.medfee_sumamt_fen,
            true,
        ),
        (" ", "账户余额", "left in the account", it.balc_fen, false),
    ];
    for (sign, zh, en, fen, always) in rows {
        if always || fen != 0 {
            let label = left(&format!("{} {en}", left(zh, 18)), 44);
            let line = format!("  {sign} {label}{}", right(&yuan(fen), 12));
            lines.push(if always {
                say.bold(&line)
            } else {
                say.dim(&line)
            });
        }
    }
    lines.push(String::new());
    for (label, value) in [
        ("结算 ID setl_id", &settlement.setl_id),
        ("就诊 ID mdtrt_id", &settlement.mdtrt_id),
        ("报文 ID msgid", &settlement.msgid),
        ("结算时间 setl_time", &settlement.setl_time),
    ] {
        lines.push(say.dim(&format!("    {}{value}", left(label, 24))));
    }
    lines
}
