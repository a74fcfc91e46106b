//! `metrics`: what the daemon counts, as it says it.

use yibaod::api::GetMetricsRequest;

use crate::connect::Door;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Runs it. The text goes out as it is: programs read it.
pub(crate) async fn run(door: &mut Door, out: &Out) -> Result<Exit, Trouble> {
    let answer = door.daemon.get_metrics(GetMetricsRequest {}).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    match out.is_json() {
        true => out.object(&json::text(&answer)),
        false => out.lines(&[answer.text.trim_end().to_owned()]),
    }
    Ok(Exit::Fine)
}
