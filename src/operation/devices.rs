//! Looking at the devices.

use super::ask::Failure;
use super::operations::Operations;
use crate::book::Code;
use crate::device::{Check, DeviceInfo, Watcher, Why};

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

    /// Looks at the device with this role or name.
    ///
    /// # Errors
    /// `DEVICE_UNKNOWN`.
    pub async fn check_health(
        &self,
        role_or_name: String,
    ) -> Result<(DeviceInfo, Vec<Check>), Failure> {
        let checked = self.parts().hub.check(&role_or_name).await;
        checked.ok_or_else(|| Failure::new(Code::DeviceUnknown, "see ListDevices"))
    }

    /// Why the device with this role or name is found or not, and treated as it is.
    ///
    /// # Errors
    /// `DEVICE_UNKNOWN`.
    pub async fn explain_device(&self, role_or_name: String) -> Result<(DeviceInfo, Why), Failure> {
        let why = self.parts().hub.why(&role_or_name).await;
        why.ok_or_else(|| Failure::new(Code::DeviceUnknown, "see ListDevices"))
    }
}
