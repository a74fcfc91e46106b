//! How a site and a desk want it done. Replaced as a whole when the configuration is read again; what runs keeps the ways
//! that it began with.

use super::typesetting::Typesetting;
use crate::document::receipt::Surround;
use crate::document::sheet::SheetSurround;
use crate::platform::Platform;
use crate::settlement::rules::Rules;

/// What the configuration and the profile say of settlements.
#[derive(Clone, Debug)]
pub struct Ways {
    /// The insurance platform.
    pub platform: Platform,
    /// What differs by site and desk.
    pub rules: Rules,
    /// What stands around a receipt.
    pub receipt: Surround,
    /// What stands around a settlement sheet.
    pub sheet: SheetSurround,
    /// What typesets it.
    pub typesetting: Typesetting,
    /// How long a bill that was settled is not settled again under another id, milliseconds; 0: nobody looks.
    pub bill_once_ms: i64,
    /// Whether a receipt printer is configured at all.
    pub has_receipt_printer: bool,
}
