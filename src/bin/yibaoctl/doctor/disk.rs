//! Whether the journal has room, on a disk of this machine.

use std::path::Path;

use super::{Finding, Patient};

const MIB: u64 = 1024 * 1024;
/// With less nothing new is settled (the journal's limit and its ballast).
const FREE_MIB_MIN: u64 = 64 + 16;
/// With less somebody should look.
const FREE_MIB_CARE: u64 = 1024;

pub(super) fn look(patient: &Patient) -> Option<Finding> {
    let settings = patient.settings.as_ref().ok()?;
    let dir = &settings.paths.state_dir;
    let subject = "disk.free";
    // What is not there yet will lie where its nearest folder is.
    let real = patient.machine.path(dir);
    let place = real.ancestors().find(|path| path.exists())?;
    let Ok(room) = rustix::fs::statvfs(place) else {
        let zh = format!("无法得知 {} 的剩余空间", dir.display());
        let finding = Finding::unseen(subject, zh, "the room left is not known");
        let advice = format!("df {}", dir.display());
        return Some(finding.so(advice.clone(), advice));
    };
    let free_mib = room.f_bavail.saturating_mul(room.f_frsize) / MIB;
    Some(of_free(dir, free_mib))
}

fn of_free(dir: &Path, free_mib: u64) -> Finding {
    let at = dir.display();
    let zh = format!("{at} 剩余 {free_mib} MiB");
    let en = format!("{free_mib} MiB are left for {at}");
    let found = match free_mib {
        mib if mib < FREE_MIB_MIN => Finding::bad("disk.free", zh, en),
        mib if mib < FREE_MIB_CARE => Finding::care("disk.free", zh, en),
        _ => return Finding::fine("disk.free", zh, en),
    };
    found.so(
        format!("请清理磁盘；少于 {FREE_MIB_MIN} MiB 时不再受理新结算"),
        format!("Make room; with less than {FREE_MIB_MIN} MiB no new settlement is taken"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn little_room_is_told_before_it_hurts() {
        for (mib, level) in [
            (79, Level::Bad),
            (80, Level::Care),
            (1_023, Level::Care),
            (1_024, Level::Fine),
        ] {
            assert_eq!(of_free(Path::new("/v"), mib).level, level, "{mib}");
        }
    }
}
