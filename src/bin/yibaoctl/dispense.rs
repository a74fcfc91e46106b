//! `dispense`: drugs handed out and taken back, told to the platform; and what became of it.

use std::path::Path;

use yibaod::api::get_dispense_request::Key;
use yibaod::api::{
    Dispense, DispenseKind, DispenseState, GetDispenseRequest, HandOutRequest, TakeBackRequest,
};

use crate::args::DispenseCommand;
use crate::connect::Door;
use crate::draw::{clean, words};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::read;
use crate::trouble::Trouble;

/// Runs it.
pub(crate) async fn run(
    door: &mut Door,
    command: &DispenseCommand,
    out: &Out,
) -> Result<Exit, Trouble> {
    let told = match command {
        DispenseCommand::HandOut(file) => hand_out(door, &file.path, out).await?,
        DispenseCommand::TakeBack(file) => take_back(door, &file.path, out).await?,
        DispenseCommand::Show(which) => show(door, &which.id).await?,
    };
    Ok(tell(&told, out))
}

/// What is true of it after a person stated it.
pub(crate) async fn stated(door: &mut Door, id: &str, out: &Out) -> Result<Exit, Trouble> {
    let told = show(door, id).await?;
    Ok(tell(&told, out))
}

fn tell(told: &Dispense, out: &Out) -> Exit {
    if out.is_json() {
        out.object(&json::text(told));
    } else {
        out.lines(&lines(told));
    }
    match told.state() {
        DispenseState::Recorded => Exit::Fine,
        DispenseState::PartlyRecorded => Exit::Failed,
        DispenseState::Refused => Exit::Refused,
        DispenseState::Unknown | DispenseState::Pending | DispenseState::Unspecified => Exit::Open,
    }
}

async fn hand_out(door: &mut Door, path: &Path, out: &Out) -> Result<Dispense, Trouble> {
    let mut request: HandOutRequest = json::read(&read(path, out)?)?;
    name(&mut request.request_id, out);
    let answer = door.dispenses.hand_out(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    Ok(answer.dispense.unwrap_or_default())
}

async fn take_back(door: &mut Door, path: &Path, out: &Out) -> Result<Dispense, Trouble> {
    let mut request: TakeBackRequest = json::read(&read(path, out)?)?;
    name(&mut request.request_id, out);
    let answer = door.dispenses.take_back(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    Ok(answer.dispense.unwrap_or_default())
}

/// By its own id, else by the request's.
async fn show(door: &mut Door, id: &str) -> Result<Dispense, Trouble> {
    let by = |key: Key| GetDispenseRequest { key: Some(key) };
    let first = door
        .dispenses
        .get_dispense(by(Key::DispenseId(id.to_owned())));
    let answer = match first.await {
        Ok(answer) => answer,
        Err(_) => {
            let second = door
                .dispenses
                .get_dispense(by(Key::RequestId(id.to_owned())));
            second.await.map_err(Trouble::of_status)?
        }
    };
    Ok(answer.into_inner().dispense.unwrap_or_default())
}

/// A new request_id where the file has none, shown so that the call can be repeated.
fn name(request_id: &mut String, out: &Out) {
    if request_id.is_empty() {
        *request_id = format!("ctl-{}", uuid::Uuid::now_v7());
        out.notes(&[format!("request_id {request_id}")]);
    }
}

fn lines(told: &Dispense) -> Vec<String> {
    let kind = match told.kind() {
        DispenseKind::HandOut => "发药 hand-out",
        DispenseKind::TakeBack => "退药 take-back",
        DispenseKind::Unspecified => "?",
    };
    let state = match told.state() {
        DispenseState::Recorded => "平台已全部记录 recorded",
        DispenseState::PartlyRecorded => "平台只记录了部分行 partly recorded",
        DispenseState::Refused => "未记录 refused",
        DispenseState::Unknown => "结果不明 unknown",
        DispenseState::Pending => "正在上报 pending",
        DispenseState::Unspecified => "?",
    };
    let mut lines = vec![
        format!("{kind}  {}", told.dispense_id),
        format!("{state}  request_id {}", told.request_id),
    ];
    for row in &told.rows {
        let mark = if row.taken { "✓" } else { "·" };
        lines.push(format!(
            "  {mark} {:>3}  {:>10}  {}  {}",
            row.line, row.sel_retn_cnt, row.medins_prod_sel_no, row.message
        ));
    }
    if let Some(error) = &told.error {
        lines.push(format!("{} {}", error.code, error.meaning_zh));
        lines.push(format!("  {}", error.meaning_en));
        lines.push(error.action_zh.clone());
        lines.push(format!("  {}", error.action_en));
    }
    if let Some(stated) = &told.resolution {
        let (zh, en) = words::resolved(stated.r#as());
        lines.push(format!(
            "人工认定 stated  {zh} {en}  {} {}",
            stated.by, stated.at
        ));
        lines.push(format!("  {}", clean(&stated.reason)));
    }
    lines
}
