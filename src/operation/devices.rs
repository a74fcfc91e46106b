//! Looking at the devices.

use super::operations::Operations;
use crate::device::{DeviceInfo, Watcher};

impl Operations {
    /// All devices, in the order of the configuration.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.parts().hub.list()
    }

    /// Follows the devices from this event on; from here on without one.
    #[must_use]
    pub fn watch_devices(&self, from_seq: Option<u64>) -> Watcher {
        self.parts().hub.watch(from_seq)
    }
}
