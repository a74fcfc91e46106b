//! What kind of printer this is.

/// Which Chinese characters the printer's built-in font holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// 6 763 common characters. Old and cheap models.
    Gb2312,
    /// About 21 000 characters, all two bytes.
    Gbk,
    /// Two and four bytes.
    #[default]
    Gb18030,
}

/// What a serial printer does about bytes that it has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Full {
    /// The line holds them, as with RTS on the host's CTS.
    #[default]
    Holds,
    /// It sends XOFF when its buffer is half full, XON when it is a quarter full; what is beyond it is lost.
    SaysXoff,
    /// They are lost.
    Drops,
}

/// A model of printer. The default is a well-behaved 80 mm receipt printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The built-in Chinese font. Four-byte characters print as garbage unless it is
    /// [`Charset::Gb18030`].
    pub charset: Charset,
    /// Whether `GS ( H` is answered. Printers that do not know it pass over it.
    pub process_ids: bool,
    /// Whether Chinese mode is on after power on and `ESC @`.
    pub han_at_start: bool,
    /// Dots between head and knife: a cut without feeding leaves so much of the print on the next
    /// paper.
    pub knife_dots: usize,
    /// The receive buffer. When it is full the printer stops taking bytes, real-time commands too.
    pub buffer_bytes: usize,
    /// What it does on a serial line when its buffer is full.
    pub full: Full,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            charset: Charset::default(),
            process_ids: true,
            han_at_start: false,
            knife_dots: 120,
            buffer_bytes: 32 * 1024,
            full: Full::default(),
        }
    }
}
