//! Standard output, one frame at a time.

use std::io;
use std::sync::{Mutex, PoisonError};

use yibaod::device::card::frame::{self, Told};

/// Where all threads tell what they have to tell.
pub(crate) struct Voice {
    output: Mutex<io::Stdout>,
}

impl Voice {
    pub(crate) fn new() -> Self {
        Self {
            output: Mutex::new(io::stdout()),
        }
    }

    /// Tells the daemon. A daemon that is gone ends this process.
    pub(crate) fn tell(&self, told: &Told) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        if frame::write(&mut *output, told).is_err() {
            std::process::exit(0);
        }
    }
}
