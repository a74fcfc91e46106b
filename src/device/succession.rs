//! Who goes on with a place when the configuration changes. The device that comes has the queue of the one that goes,
//! and waits for its line until the last user of that one is through: never two owners.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::board::{Board, DeviceInfo, Holder};
use super::error::DeviceError;
use super::find;
use super::owned::{Device, Family};
use super::queue::Queue;
use crate::config::devices::{At, Kind, UsbRule};

/// A last user that is through by then is not told of.
const TOLD_AFTER: Duration = Duration::from_millis(250);

/// What was taken out of the configuration and may have users left.
#[derive(Default)]
pub(super) struct Leaving {
    left: Mutex<Vec<Left>>,
}

struct Left {
    board: Weak<Board>,
    users: Users,
}

enum Users {
    Queue(Weak<Queue>),
    Job(Weak<Mutex<Option<Holder>>>),
    Unknown,
}

/// What a device has from those that were in its place.
#[derive(Default)]
pub(super) struct Before {
    /// Their boards: alive as long as their last user is not through.
    pub(super) boards: Vec<Weak<Board>>,
    /// Their queue; none where nobody knows that it is the same device.
    pub(super) queue: Option<Arc<Queue>>,
}

impl Leaving {
    /// These are let go.
    pub(super) fn add<'a>(&self, gone: impl Iterator<Item = &'a Arc<Device>>) {
        let mut left = self.lock();
        left.retain(|it| it.board.strong_count() > 0);
        left.extend(gone.map(|device| Left {
            board: Arc::downgrade(&device.board),
            users: match &device.family {
                Family::Scanner(scanner) => Users::Queue(Arc::downgrade(&scanner.queue)),
                Family::Card(reader) => Users::Queue(Arc::downgrade(&reader.queue)),
                Family::Printer(printer) => Users::Job(printer.holder_to_watch()),
                Family::Queue(_) => Users::Unknown,
            },
        }));
    }

    /// What a device of this kind goes on with.
    pub(super) fn before(&self, kind: &Kind) -> Before {
        let mut before = Before::default();
        for left in self.lock().iter() {
            let Some(board) = left.board.upgrade() else {
                continue;
            };
            let was = &board.config().kind;
            if may_be_same(was, kind) {
                before.boards.push(Weak::clone(&left.board));
            }
            if let Users::Queue(queue) = &left.users
                && is_same(was, kind)
            {
                before.queue = queue.upgrade().or(before.queue);
            }
        }
        before
    }

    /// The rows of these devices. What was taken out is named as long as somebody has it: at the device that took its
    /// place, else in a row of its own.
    pub(super) fn listed_with(&self, devices: &[Arc<Device>]) -> Vec<DeviceInfo> {
        let mut rows: Vec<DeviceInfo> = devices.iter().map(|it| it.info()).collect();
        for left in self.lock().iter() {
            let (Some(board), Some((holder, waiting))) = (left.board.upgrade(), left.holder())
            else {
                continue;
            };
            let mut pairs = devices.iter().zip(&mut rows);
            let successor = pairs.find(|(it, _)| {
                let kind = &it.board.config().kind;
                may_be_same(&board.config().kind, kind)
            });
            match successor {
                None => rows.push(board.info(Some(holder), waiting)),
                Some((_, row)) if row.holder.as_ref() == Some(&holder) => {}
                Some((_, row)) => {
                    row.waiting += waiting + usize::from(row.holder.is_some());
                    row.holder = Some(holder);
                }
            }
        }
        rows
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// Who has it, and how many wait behind.
    fn holder(&self) -> Option<(Holder, usize)> {
        match &self.users {
            Users::Queue(queue) => {
                let (holder, waiting) = queue.upgrade()?.holder();
                holder.map(|holder| (holder, waiting))
            }
            Users::Job(holder) => {
                let holder = holder.upgrade()?;
                let holder = holder.lock().unwrap_or_else(PoisonError::into_inner);
                holder.clone().map(|holder| (holder, 0))
            }
            Users::Unknown => None,
        }
    }
}

/// Waits until those that were in this place before are through, and refuses orders meanwhile; `say` is told when that
/// takes long. `false`: nobody wants the device any more.
pub(super) async fn takes_over<T>(
    board: &Board,
    orders: &mut mpsc::Receiver<T>,
    say: impl FnOnce(&DeviceError),
) -> bool {
    let alone = board.alone();
    let told_at = sleep(TOLD_AFTER);
    tokio::pin!(alone, told_at);
    let mut say = Some(say);
    loop {
        tokio::select! {
            biased;
            () = &mut alone => return true,
            // Dropping the order tells its asker that nobody listens.
            order = orders.recv() => if order.is_none() { return false },
            () = &mut told_at, if say.is_some() => if let Some(say) = say.take() {
                say(&board.still_used());
            }
        }
    }
}

/// Whether both are one place.
fn is_same(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::PcscReader { reader: one, .. }, Kind::PcscReader { reader: other, .. }) => {
            one == other
        }
        (one, other) => match (find::place(one), find::place(other)) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, _) => one.is_same_place(other),
        },
    }
}

/// Whether both can be one device under two descriptions.
fn may_be_same(one: &Kind, other: &Kind) -> bool {
    if let (Kind::PcscReader { reader: one, .. }, Kind::PcscReader { reader: other, .. }) =
        (one, other)
    {
        // Each is a part of a name.
        let part = |part: &Option<String>, of: &Option<String>| match (part, of) {
            (Some(part), Some(of)) => of.contains(part.as_str()),
            (Some(_) | None, _) => true,
        };
        return part(one, other) || part(other, one);
    }
    match (find::place(one), find::place(other)) {
        (Some((one, class)), Some((other, of))) => class == of && may_be_at_same(one, other),
        (Some(_) | None, _) => one.is_same_place(other),
    }
}

fn may_be_at_same(one: &At, other: &At) -> bool {
    match (one, other) {
        (At::Path(one), At::Path(other)) => {
            let real = |path: &std::path::Path| path.canonicalize().ok();
            one == other || real(one).is_some_and(|it| real(other) == Some(it))
        }
        (At::Usb(one), At::Usb(other)) => may_fit_same(one, other),
        // The lock on the line keeps them apart.
        (At::Path(_), At::Usb(_)) | (At::Usb(_), At::Path(_)) => false,
    }
}

fn may_fit_same(one: &UsbRule, other: &UsbRule) -> bool {
    fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
        one.is_none() || other.is_none() || one == other
    }
    (one.vendor, one.product) == (other.vendor, other.product)
        && agree(&one.serial_number, &other.serial_number)
        && agree(&one.port, &other.port)
        && agree(&one.interface, &other.interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcsc(reader: Option<&str>) -> Kind {
        let reader = reader.map(ToOwned::to_owned);
        Kind::PcscReader {
            reader,
            keypad: None,
        }
    }

    #[test]
    fn what_may_be_the_same_reader_is_waited_for_and_what_is_has_one_queue() {
        for (one, other, same, maybe) in [
            (None, None, true, true),
            (Some("ACS"), Some("ACS"), true, true),
            (None, Some("ACS"), false, true),
            (Some("ACS ACR38"), Some("ACS"), false, true),
            (Some("ACS"), Some("HD100"), false, false),
        ] {
            let (one, other) = (pcsc(one), pcsc(other));
            assert_eq!(is_same(&one, &other), same, "{one:?} {other:?}");
            assert_eq!(may_be_same(&one, &other), maybe, "{one:?} {other:?}");
            assert_eq!(may_be_same(&other, &one), maybe, "{one:?} {other:?}");
        }
    }

    #[test]
    fn one_line_under_two_names_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("ttyACM0"), dir.path().join("by-id"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let reader = |path: &std::path::Path| Kind::IdCardSerial {
            at: At::Path(path.into()),
            baud: 9_600,
        };
        assert!(may_be_same(&reader(&real), &reader(&link)));
        assert!(!is_same(&reader(&real), &reader(&link)));
        assert!(!may_be_same(&reader(&real), &reader(dir.path())));
        let usb = |port: Option<&str>, vendor| Kind::IdCardUsb {
            at: At::Usb(UsbRule {
                vendor,
                product: 0x0b61,
                serial_number: None,
                port: port.map(ToOwned::to_owned),
                interface: None,
            }),
        };
        assert!(may_be_same(&usb(None, 1), &usb(Some("a/1"), 1)));
        assert!(!may_be_same(&usb(Some("a/2"), 1), &usb(Some("a/1"), 1)));
        assert!(!may_be_same(&usb(None, 1), &usb(None, 2)));
        assert!(!may_be_same(&usb(None, 1), &reader(&real)));
    }
}
