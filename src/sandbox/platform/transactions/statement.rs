//! 3201, 3202 and the files of 9101 and 9102: the hospital's sums and rows against the ledger's.
//!
//! Days are those of setl_time. A row is cleared under the first two characters of its kind of visit, at the
//! bureau's own office. 3201 is about one insurance, 3202 about all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::money::{Fen, text_of};
use crate::sandbox::platform::world::World;
use crate::sandbox::platform::zip;

/// Days of one statement.
const DAYS_MAX: i32 = 31;
/// Days for which a file can be fetched.
const FETCHABLE_S: i64 = 86_400;
/// Columns of an uploaded line.
const COLUMNS: usize = 7;
/// More than anybody should unpack.
const BOMB_MEGABYTES: usize = 20;

/// 3201: the sums of one insurance.
pub(super) fn totals(world: &World, call: &Call<'_>) -> Result<Value, Refusal> {
    check_place(world, call)?;
    let insutype = call.data("insutype");
    let rows = rows(world, call);
    let rows: Vec<&Settlement> = rows
        .into_iter()
        .filter(|row| row.insutype == insutype)
        .collect();
    let sums = [
        (
            "medfee_sumamt",
            rows.iter().map(|row| row.amounts.total).sum(),
        ),
        (
            "fund_pay_sumamt",
            rows.iter().map(|row| fund(world, row)).sum(),
        ),
        (
            "acct_pay",
            rows.iter().map(|row| row.amounts.account).sum::<Fen>(),
        ),
    ];
    let mut off: Vec<&str> = sums
        .iter()
        .filter(|(name, sum)| amount(call, name) != Some(*sum))
        .map(|(name, _)| *name)
        .collect();
    let count = number(call, "fixmedins_setl_cnt");
    if count != i64::try_from(rows.len()).ok() {
        off.push("fixmedins_setl_cnt");
    }
    let (rslt, dscr) = match off.is_empty() {
        true => (world.switches.statement_balanced.as_str(), "平".to_owned()),
        false => ("1", format!("不平：{}", off.join(","))),
    };
    let info = json!({
        "setl_optins": call.data("setl_optins"),
        "stmt_rslt": rslt,
        "stmt_rslt_dscr": dscr,
    });
    Ok(json!({ "stmtinfo": info }))
}

/// 9101: keeps a file.
pub(super) fn upload(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let bytes = call.input.get("fsUploadIn").and_then(|node| node.get("in"));
    let bytes = bytes.and_then(zip::bytes_of);
    let bytes = bytes.ok_or_else(|| Refusal::new("文件数据格式不正确[in]"))?;
    check_owner(world, call, "fsUploadIn")?;
    let filename = call.text("fsUploadIn", "filename").to_owned();
    let number = keep(world, call, &filename, bytes);
    Ok(json!({
        "file_qury_no": number,
        "filename": filename,
        "fixmedins_code": world.options.fixmedins_code,
        "dld_endtime": until(call),
    }))
}

/// 3202: compares the uploaded rows with the ledger's and makes the file of the result.
pub(super) fn details(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    check_place(world, call)?;
    let file = world.files.get(call.data("file_qury_no"));
    let (_, bytes) = file.ok_or_else(|| Refusal::new("FSI-文件查询号不存在[file_qury_no]"))?;
    let text = zip::text_in(bytes);
    let text = text.ok_or_else(|| Refusal::new("对账文件不是有效的ZIP文件[file_qury_no]"))?;
    let uploaded = text.lines().map(uploaded).collect::<Option<Vec<_>>>();
    let uploaded = uploaded.ok_or_else(|| Refusal::new("对账文件格式不正确[file_qury_no]"))?;
    let named: Fen = uploaded.iter().map(|line| line.total).sum();
    if amount(call, "medfee_sumamt") != Some(named) {
        return Err(Refusal::new(
            "医疗费总额与对账文件合计不一致[medfee_sumamt]",
        ));
    }
    let text: String = compared(world, call, &uploaded)
        .into_iter()
        .map(|line| line + "\n")
        .collect();
    let filename = format!("stmt_result_{}.zip", clock::compact(call.now));
    let bytes = zip::stored("result.txt", text.as_bytes());
    let number = keep(world, call, &filename, bytes);
    let info = json!({
        "file_qury_no": number,
        "filename": filename,
        "dld_endtime": until(call),
    });
    Ok(json!({ "fileinfo": info }))
}

/// 9102: the bytes of a file.
pub(super) fn download(world: &World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    check_owner(world, call, "fsDownloadIn")?;
    let number = call.text("fsDownloadIn", "file_qury_no");
    let Some((filename, bytes)) = world.files.get(number) else {
        return Err(Refusal::new("FSI-文件查询号不存在[file_qury_no]"));
    };
    if filename != call.text("fsDownloadIn", "filename") {
        return Err(Refusal::new("文件名与文件查询号不一致[filename]"));
    }
    let bytes = match hits.value(Kind::FileBent, 0) {
        None => bytes.clone(),
        Some(0) => bytes[..bytes.len() / 2].to_vec(),
        Some(1) => zip::stored("result.txt", b"30000001\tM"),
        Some(2) => zip::stored("result.txt", b"one\ttwo\tthree\n"),
        Some(_) => zip::bomb("result.txt", BOMB_MEGABYTES),
    };
    Ok(json!({ "in": zip::in_json(&bytes, world.switches.files_in_base64) }))
}

/// One line of the hospital's.
struct Uploaded {
    setl_id: String,
    mdtrt_id: String,
    psn_no: String,
    total: Fen,
    fund: Fen,
    account: Fen,
    refunded: bool,
}

fn uploaded(line: &str) -> Option<Uploaded> {
    let columns: Vec<&str> = line.split('\t').collect();
    let columns: &[&str; COLUMNS] = columns.as_slice().try_into().ok()?;
    let text = |at: usize| match columns[at] {
        "null" => Some(String::new()),
        "" => None,
        text => Some(text.to_owned()),
    };
    Some(Uploaded {
        setl_id: text(0)?,
        mdtrt_id: text(1)?,
        psn_no: text(2)?,
        total: Fen::parse(columns[3])?,
        fund: Fen::parse(columns[4])?,
        account: Fen::parse(columns[5])?,
        refunded: match columns[6] {
            "0" => false,
            "1" => true,
            _ => return None,
        },
    })
}

/// All rows of both sides, each with its result.
fn compared(world: &World, call: &Call<'_>, uploaded: &[Uploaded]) -> Vec<String> {
    let mut left: BTreeMap<&str, &Settlement> = BTreeMap::new();
    for row in rows(world, call) {
        left.insert(&row.setl_id, row);
    }
    let mut lines = Vec::new();
    for up in uploaded {
        let Some(row) = left.remove(up.setl_id.as_str()) else {
            lines.push(echo(up));
            continue;
        };
        let same = up.total == row.amounts.total
            && up.fund == fund(world, row)
            && up.account == row.amounts.account
            && up.refunded == row.refunded;
        let (rslt, memo) = if same {
            ("0", "null")
        } else {
            ("1", "金额或标志不一致")
        };
        lines.push(of_centre(world, row, rslt, memo));
    }
    let unheard = left.into_values();
    lines.extend(unheard.map(|row| of_centre(world, row, "1", "医药机构无此记录")));
    lines
}

fn of_centre(world: &World, row: &Settlement, rslt: &str, memo: &str) -> String {
    [
        row.psn_no.as_str(),
        &row.mdtrt_id,
        &row.setl_id,
        &row.medins_setl_id,
        rslt,
        if row.refunded { "1" } else { "0" },
        memo,
        &row.amounts.total.to_string(),
        &fund(world, row).to_string(),
        &row.amounts.account.to_string(),
    ]
    .join("\t")
}

/// The centre has no such row: the hospital's own is said back.
fn echo(up: &Uploaded) -> String {
    let or_null = |text: &str| if text.is_empty() { "null" } else { text }.to_owned();
    [
        or_null(&up.psn_no),
        or_null(&up.mdtrt_id),
        or_null(&up.setl_id),
        "null".to_owned(),
        "1".to_owned(),
        if up.refunded { "1" } else { "0" }.to_owned(),
        "中心无此记录".to_owned(),
        up.total.to_string(),
        up.fund.to_string(),
        up.account.to_string(),
    ]
    .join("\t")
}

/// Rows of the days and the kind of clearing that count.
fn rows<'a>(world: &'a World, call: &Call<'_>) -> Vec<&'a Settlement> {
    let (from, to) = (call.data("stmt_begndate"), call.data("stmt_enddate"));
    let clr_type = call.data("clr_type");
    let counts = |row: &&Settlement| {
        let day = row.setl_time.get(..10).unwrap_or_default();
        !row.reversed && from <= day && day <= to && row.med_type.get(..2) == Some(clr_type)
    };
    world.ledger.settlements.iter().filter(counts).collect()
}

fn fund(world: &World, row: &Settlement) -> Fen {
    let account = match world.switches.fund_includes_account {
        true => row.amounts.account,
        false => Fen::ZERO,
    };
    row.amounts.fund() + account
}

fn check_place(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    if call.data("setl_optins") != world.options.area {
        return Err(Refusal::new("结算经办机构不正确[setl_optins]"));
    }
    let days = [call.data("stmt_begndate"), call.data("stmt_enddate")];
    let [Ok(from), Ok(to)] = days.map(str::parse::<jiff::civil::Date>) else {
        return Err(Refusal::new("对账日期格式不正确[stmt_begndate]"));
    };
    let days = from.until(to).map_or(i32::MAX, |span| span.get_days());
    if to < from || days >= DAYS_MAX || call.data("stmt_enddate") > clock::day(call.now).as_str() {
        return Err(Refusal::new("对账日期范围不正确[stmt_enddate]"));
    }
    Ok(())
}

fn check_owner(world: &World, call: &Call<'_>, node: &str) -> Result<(), Refusal> {
    match call.text(node, "fixmedins_code") == world.options.fixmedins_code {
        true => Ok(()),
        false => Err(Refusal::new("医药机构编号不一致[fixmedins_code]")),
    }
}

fn keep(world: &mut World, call: &Call<'_>, filename: &str, bytes: Vec<u8>) -> String {
    let serial = world.next_serial();
    let number = format!("FQ{}{serial:010}", clock::compact(call.now));
    world
        .files
        .insert(number.clone(), (filename.to_owned(), bytes));
    number
}

fn until(call: &Call<'_>) -> String {
    let end = call
        .now
        .checked_add(jiff::SignedDuration::from_secs(FETCHABLE_S));
    clock::spaced(end.unwrap_or(call.now))
}

fn amount(call: &Call<'_>, name: &str) -> Option<Fen> {
    let value = call.input.get("data")?.get(name)?;
    Fen::parse(&text_of(value)?)
}

fn number(call: &Call<'_>, name: &str) -> Option<i64> {
    let value = call.input.get("data")?.get(name)?;
    text_of(value)?.parse().ok()
}
