//! The QR code that `GS ( k` sets up, stores and prints. Pure.

use qrcode::{Color, EcLevel, QrCode};

use super::commands::Qr;

/// What was set and stored so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbol {
    module_dots: usize,
    level: u8,
    payload: Vec<u8>,
}

/// A drawn symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    /// Modules of a side. The quiet zone is the paper's white, as with the makers'.
    pub(super) side: usize,
    /// Dots of a module.
    pub(super) module_dots: usize,
    /// Row-major modules.
    pub(super) modules: Vec<bool>,
    /// The payload as text.
    pub(super) text: String,
}

impl Default for Symbol {
    fn default() -> Self {
        Self {
            module_dots: 3,
            level: 48,
            payload: Vec::new(),
        }
    }
}

impl Symbol {
    /// Takes one function; gives a drawing when one is to be printed, an error naming what a
    /// printer ignores.
    pub(super) fn take(&mut self, function: Qr) -> Result<Option<Drawn>, &'static str> {
        match function {
            Qr::Model(50) => {}
            Qr::Model(_) => return Err("GS ( k 165: only model 2"),
            Qr::Module(dots) => self.module_dots = usize::from(dots),
            Qr::Level(level) => self.level = level,
            Qr::Store(payload) => self.payload = payload,
            Qr::Print => return self.draw().map(Some),
        }
        Ok(None)
    }

    fn draw(&self) -> Result<Drawn, &'static str> {
        if self.payload.is_empty() {
            return Err("GS ( k 181: nothing stored");
        }
        let level = match self.level {
            49 => EcLevel::M,
            50 => EcLevel::Q,
            51 => EcLevel::H,
            _ => EcLevel::L,
        };
        let code = QrCode::with_error_correction_level(&self.payload, level)
            .map_err(|_| "GS ( k 181: too long for a symbol")?;
        Ok(Drawn {
            side: code.width(),
            module_dots: self.module_dots,
            modules: code
                .to_colors()
                .iter()
                .map(|color| *color == Color::Dark)
                .collect(),
            text: String::from_utf8_lossy(&self.payload).into_owned(),
        })
    }
}
