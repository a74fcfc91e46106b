//! The hub (the one owner of devices), byte links, scanners, printers.
