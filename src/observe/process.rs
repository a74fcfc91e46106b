//! What the kernel says of this process, under the names that Prometheus' own clients use.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::openmetrics::{Kind, Page, seconds, seconds_of_ms};

/// Writes it. What cannot be read is left out.
pub fn write(page: &mut Page, started_at_ms: i64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (field, name, help) in [
        ("VmRSS:", "process_resident_memory_bytes", "Memory in use."),
        (
            "RssAnon:",
            "process_anonymous_memory_bytes",
            "Memory in use that is no file's.",
        ),
        ("VmSize:", "process_virtual_memory_bytes", "Address space."),
    ] {
        if let Some(kib) = number(&status, field) {
            page.gauge(name, help, kib.saturating_mul(1_024));
        }
    }
    if let Some(threads) = number(&status, "Threads:") {
        page.gauge("process_threads", "Threads.", threads);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open files.", files.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.gauge("process_max_fds", "Files that may be open.", most);
    }
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let us = used.tv_sec.saturating_mul(1_000_000) + used.tv_nsec / 1_000;
    page.family(
        "process_cpu_seconds",
        Kind::Counter,
        "Processor time, user and system.",
    );
    let us = u64::try_from(us).unwrap_or(0);
    page.sample("process_cpu_seconds_total", &[], seconds(us));
    page.gauge(
        "process_start_time_seconds",
        "When it was started, Unix time.",
        seconds_of_ms(started_at_ms),
    );
}

fn number(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_a_start() {
        let mut page = Page::default();
        write(&mut page, 1_700_000_000_123);
        let text = page.end();
        for name in [
            "process_resident_memory_bytes ",
            "process_anonymous_memory_bytes ",
            "process_virtual_memory_bytes ",
            "process_threads ",
            "process_open_fds ",
            "process_max_fds ",
            "process_cpu_seconds_total ",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            assert!(value.is_some_and(|value| value != "0"), "{name}: {text}");
        }
        assert!(text.contains("process_start_time_seconds 1700000000.123\n"));
    }
}
