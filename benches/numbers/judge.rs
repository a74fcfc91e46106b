//! Whether a row of the table holds its bar, read from the row itself: what is shown is what is judged.

const THOUSAND: u64 = 1_000;

/// `✓`, `✗`, or nothing where the bar is no number. A row: what, ours, floor, ratio, bar.
pub(super) fn mark([_, ours, floor, ratio, bar]: &[String; 5]) -> &'static str {
    let held = match bar.as_str() {
        "≤ calls + 1" => most(first(ours), first(floor).map(|calls| calls + THOUSAND)),
        bar if bar.contains('×') => ratios(ratio, bar),
        bar if bar.ends_with("over the syncs") => most(amount(ratio), amount(after(bar))),
        bar => most(amount(ours), amount(after(bar))),
    };
    match held {
        Some(true) => "✓ ",
        Some(false) => "✗ ",
        None => "",
    }
}

/// `p50 ≤ 1.3 ×, p99 ≤ 1.5 ×` of `1.12 × / 1.08 ×`.
fn ratios(ratio: &str, bar: &str) -> Option<bool> {
    let (p50, p99) = ratio.split_once('/')?;
    let one = |part: &str| {
        let ours = if part.contains("p99") { p99 } else { p50 };
        most(first(ours), first(after(part)))
    };
    let parts: Option<Vec<bool>> = bar.split(',').map(one).collect();
    Some(parts?.into_iter().all(|held| held))
}

fn most(ours: Option<u64>, bar: Option<u64>) -> Option<bool> {
    Some(ours? <= bar?)
}

fn after(bar: &str) -> &str {
    bar.split_once('≤').map_or("", |(_, bar)| bar)
}

/// The number that a text begins with, in thousandths.
fn first(text: &str) -> Option<u64> {
    let number = text.split_whitespace().next()?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    Some(whole.parse::<u64>().ok()? * THOUSAND + part.parse::<u64>().ok()?)
}

/// A time in microseconds, or a number whose unit is the same on both sides of its bar; in thousandths.
fn amount(text: &str) -> Option<u64> {
    let unit = text.split_whitespace().nth(1).unwrap_or_default();
    let times = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => 1,
    };
    Some(first(text)? * times)
}
