//! Whether a row of the table holds its bar, read from the row itself: what is shown is what is judged.

/// `✓`, `✗`, or nothing where the bar is no number. A row: what, ours, floor, ratio, bar.
pub(super) fn mark([_, ours, floor, ratio, bar]: &[String; 5]) -> &'static str {
    let held = match bar.as_str() {
        "≤ calls + 1" => most(first(ours), first(floor).map(|calls| calls + 1.0)),
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

fn most(ours: Option<f64>, bar: Option<f64>) -> Option<bool> {
    Some(ours? <= bar?)
}

fn after(bar: &str) -> &str {
    bar.split_once('≤').map_or("", |(_, bar)| bar)
}

fn first(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// A time in milliseconds, or a plain number with its unit left out: both sides of a bar have the same.
fn amount(text: &str) -> Option<f64> {
    let unit = text.split_whitespace().nth(1).unwrap_or_default();
    let of_ms = match unit {
        "µs" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    Some(first(text)? * of_ms)
}
