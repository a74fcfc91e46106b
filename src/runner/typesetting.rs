//! The process `yibao-render` as the daemon sees it: started from beside the daemon when the first sheet is wanted,
//! asked, killed at a deadline, started anew, ended when nobody wanted a sheet for a while.
//!
//! Templates are programs and typst is large: neither is let into the daemon. It must not know what a sheet is of.
//!
//! ```text
//!  none ── asked ─► starts ─► ready ── ask ─► typesets ── told ─► ready ── idle ─► none
//!                     │                          │ late, dead, other words
//!                     └──────────────────────────┴─► killed: none
//! ```

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use crate::book::Code;
use crate::document::typeset::{self, Ask, Fault, PREFIX_BYTES, Told, VERSION};

/// The program's file name.
const PROGRAM: &str = "yibao-render";
/// Says where fonts are; all else of the environment stays here.
const FONTS_OF: &str = "FONTCONFIG_FILE";
/// More threads would each reserve memory, and a desk has better uses for its processors.
const THREADS: (&str, &str) = ("RAYON_NUM_THREADS", "2");
/// Longest wait for its first word.
const HELLO_MS_MAX: u64 = 5_000;
/// Longest wait for a sheet. The first one looks for fonts, on a slow desk with many for a second.
const SHEET_MS_MAX: u64 = 8_000;
/// How long its end is waited for, to tell how it ended.
const END_MS_MAX: u64 = 500;
/// It is ended when nobody wanted a sheet for so long.
const IDLE_S: u64 = 600;
/// Sheets that may wait for it.
const WAITING_MAX: usize = 16;

/// Typesets, one sheet at a time. Cheap to clone.
#[derive(Clone)]
pub struct Typesetting {
    inner: Arc<Inner>,
}

struct Inner {
    program: PathBuf,
    template_dir: String,
    sheet_wait: Duration,
    renderer: Mutex<Slot>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    running: Option<Renderer>,
    used_at: Option<Instant>,
}

/// A sheet.
#[derive(Clone)]
pub struct Typeset {
    /// The PDF.
    pub bytes: Vec<u8>,
    /// Its pages.
    pub pages: u32,
}

/// Why there is no sheet. No value of it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {}: {detail}", code.id(), code.name())]
pub struct NotTypeset {
    /// The book's code.
    pub code: Code,
    /// What exactly.
    pub detail: String,
    /// The fields whose characters cannot be drawn.
    pub fields: Vec<String>,
}

impl NotTypeset {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fields: Vec::new(),
        }
    }
}

impl Typesetting {
    /// With the program beside the daemon; without a directory: by the template that is built into it.
    #[must_use]
    pub fn beside(template_dir: Option<&Path>) -> Self {
        let daemon = std::env::current_exe().unwrap_or_default();
        let wait = Duration::from_millis(SHEET_MS_MAX);
        Self::new(daemon.with_file_name(PROGRAM), template_dir, wait)
    }

    fn new(program: PathBuf, template_dir: Option<&Path>, sheet_wait: Duration) -> Self {
        let template_dir = template_dir.map(|dir| dir.display().to_string());
        let inner = Inner {
            program,
            template_dir: template_dir.unwrap_or_default(),
            sheet_wait,
            renderer: Mutex::default(),
            waiting: AtomicUsize::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A sheet with these values, JSON. Whoever drops the future ends the process that was at it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn typeset(&self, values: &[u8]) -> Result<Typeset, NotTypeset> {
        let waiting = Waiting::new(&self.inner.waiting);
        if waiting.is_many {
            let detail = format!("{WAITING_MAX} sheets wait for the renderer");
            return Err(NotTypeset::new(Code::TooManyCalls, detail));
        }
        let mut slot = self.inner.renderer.lock().await;
        // Of both tries: one that dies late of this sheet leaves the next what is left.
        let until = Instant::now() + self.inner.sheet_wait;
        // One that ran before may have been killed meanwhile: that says nothing of this sheet.
        for is_last in [slot.running.is_none(), true] {
            let mut renderer = match slot.running.take() {
                Some(renderer) => renderer,
                None => Renderer::start(&self.inner.program, until).await?,
            };
            let asked = renderer.ask(&self.inner.template_dir, values);
            match timeout_at(until, asked).await {
                Ok(Ok(told)) => {
                    let is_first = slot.used_at.replace(Instant::now()).is_none();
                    slot.running = Some(renderer);
                    if is_first {
                        tokio::spawn(end_when_idle(Arc::downgrade(&self.inner)));
                    }
                    return told.map_err(|fault| of(&fault));
                }
                Ok(Err(_)) if !is_last => {}
                Ok(Err(what)) => return Err(renderer.failed(&what).await),
                Err(_) => {
                    // Dropped, it is killed.
                    let ms = self.inner.sheet_wait.as_millis();
                    let detail = format!("{PROGRAM}: no sheet within {ms} ms; it was ended");
                    return Err(NotTypeset::new(Code::RenderFailed, detail));
                }
            }
        }
        Err(NotTypeset::new(Code::RenderFailed, PROGRAM))
    }
}

impl std::fmt::Debug for Typesetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Typesetting({:?})", self.inner.template_dir)
    }
}

/// One sheet that waits or is made.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    is_many: bool,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        let before = count.fetch_add(1, Ordering::Relaxed);
        Self {
            count,
            is_many: before >= WAITING_MAX,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends the process that nobody needs; it holds fonts in memory.
async fn end_when_idle(inner: Weak<Inner>) {
    let idle = Duration::from_secs(IDLE_S);
    loop {
        tokio::time::sleep(idle).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut slot = inner.renderer.lock().await;
        if slot.used_at.is_none_or(|used_at| used_at.elapsed() >= idle) {
            *slot = Slot::default();
            return;
        }
    }
}

/// The running program. Dropping it kills it.
struct Renderer {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    asked: u64,
}

impl Renderer {
    async fn start(program: &Path, until: Instant) -> Result<Self, NotTypeset> {
        let named = |what: &dyn std::fmt::Display| format!("{}: {what}", program.display());
        let spawned = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env_clear()
            .env(THREADS.0, THREADS.1)
            .envs(std::env::var_os(FONTS_OF).map(|of| (FONTS_OF, of)))
            .current_dir("/")
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| {
            let code = match error.kind() == std::io::ErrorKind::NotFound {
                true => Code::RenderMissing,
                false => Code::RenderFailed,
            };
            NotTypeset::new(code, named(&error))
        })?;
        let wrong = |what: &str| NotTypeset::new(Code::RenderFailed, named(&what));
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(wrong("has no pipes"));
        };
        let mut renderer = Self {
            child,
            input,
            output,
            asked: 0,
        };
        let until = until.min(Instant::now() + Duration::from_millis(HELLO_MS_MAX));
        match timeout_at(until, renderer.told()).await {
            Ok(Ok((Told::Hello { version: VERSION }, _))) => Ok(renderer),
            Ok(Ok(_)) => Err(wrong("is of another version")),
            Ok(Err(what)) => Err(renderer.failed(&what).await),
            Err(_) => Err(wrong("says nothing")),
        }
    }

    /// The sheet, or what is wrong with it. The error is that of the process.
    async fn ask(
        &mut self,
        template_dir: &str,
        values: &[u8],
    ) -> Result<Result<Typeset, Fault>, String> {
        self.asked += 1;
        let ask = Ask {
            id: self.asked,
            template_dir: template_dir.to_owned(),
        };
        let whole = Zeroizing::new(typeset::frame(&ask, values)?);
        let written = self.input.write_all(&whole).await;
        written.map_err(|error| error.to_string())?;
        match self.told().await? {
            (Told::Done { id, pages }, bytes) if id == self.asked => {
                Ok(Ok(Typeset { bytes, pages }))
            }
            (Told::Failed { id, fault }, _) if id == self.asked => Ok(Err(fault)),
            (Told::Hello { .. } | Told::Done { .. } | Told::Failed { .. }, _) => {
                Err("answers what was not asked".to_owned())
            }
        }
    }

    async fn told(&mut self) -> Result<(Told, Vec<u8>), String> {
        let mut prefix = [0; PREFIX_BYTES];
        self.fill(&mut prefix).await?;
        let (head_bytes, body_bytes) = typeset::announced(prefix)?;
        let mut head = vec![0; head_bytes];
        self.fill(&mut head).await?;
        let mut body = vec![0; body_bytes];
        self.fill(&mut body).await?;
        Ok((typeset::head(&head)?, body))
    }

    async fn fill(&mut self, part: &mut [u8]) -> Result<(), String> {
        let read = self.output.read_exact(part).await;
        read.map(drop).map_err(|error| error.to_string())
    }

    /// What became of the process that said nothing any more.
    async fn failed(mut self, what: &str) -> NotTypeset {
        let wait = Duration::from_millis(END_MS_MAX);
        let ended = match timeout(wait, self.child.wait()).await {
            Ok(Ok(status)) => format!("{PROGRAM} ended ({status}): the template may need too much"),
            Ok(Err(_)) | Err(_) => format!("{PROGRAM}: {what}"),
        };
        tracing::warn!(ended, "a sheet was not typeset");
        NotTypeset::new(Code::RenderFailed, ended)
    }
}

/// A fault of the template or the fonts, in the book's words.
fn of(fault: &Fault) -> NotTypeset {
    match fault {
        Fault::Template {
            file,
            line,
            column,
            message,
        } => {
            let place = match line {
                0 => file.clone(),
                _ => format!("{file}:{line}:{column}"),
            };
            let message = match message.as_str() {
                "" => "fails with the values of this sheet only; they are not repeated here",
                message => message,
            };
            NotTypeset::new(Code::TemplateWrong, format!("{place}: {message}"))
        }
        Fault::NoFont => NotTypeset::new(Code::FontMissing, "no font has Chinese characters"),
        Fault::NoGlyph { fields, blocks } => NotTypeset {
            code: Code::GlyphMissing,
            detail: {
                let place = if fields.is_empty() {
                    " in the template"
                } else {
                    ""
                };
                format!("no font has characters{place} of: {}", blocks.join(", "))
            },
            fields: fields.clone(),
        },
        Fault::TooLong { most } => {
            let detail = format!("the sheet came out longer than {most}");
            NotTypeset::new(Code::TemplateWrong, detail)
        }
    }
}

#[cfg(test)]
mod tests;
