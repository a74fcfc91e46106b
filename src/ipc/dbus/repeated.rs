//! Whether a key stands twice in a dictionary of a call: of two amounts no reader knows which one was meant, and the last
//! would win. Read from the bytes as they came: a dictionary that was made of them has each key once.

use std::collections::BTreeSet;

use zbus::message::Body;
use zbus::wire::Endian;

/// Values within values; whoever reads the call refuses more by itself.
const DEPTH_MAX: usize = 64;

/// The path of a key that stands twice, `bills[0].lines[2].amount_fen`; keys that `is_field` does not know are the
/// caller's own words, and only what they stand in is told. None too where the bytes are no such call.
pub(super) fn find(body: &Body, is_field: impl Fn(&str) -> bool) -> Option<String> {
    let signature = body.signature().to_string();
    let mut reader = Reader {
        bytes: body.data(),
        at: 0,
        is_little: body.data().context().endian() == Endian::Little,
        depth: 0,
    };
    match reader.value(signature.as_bytes()) {
        Err(Stop::Repeated(path)) => Some(told(path, is_field)),
        Ok(_) | Err(Stop::Broken) => None,
    }
}

/// Steps from the outermost in, as people write them.
fn told(path: Vec<Step>, is_field: impl Fn(&str) -> bool) -> String {
    let mut told = String::new();
    for step in path.into_iter().rev() {
        match step {
            Step::Key(key) if is_field(&key) => {
                if !told.is_empty() {
                    told.push('.');
                }
                told.push_str(&key);
            }
            Step::Key(_) => {}
            Step::At(at) => told.push_str(&format!("[{at}]")),
        }
    }
    told
}

enum Step {
    Key(String),
    At(usize),
}

enum Stop {
    /// It cannot be read.
    Broken,
    /// A key stands twice: where, the innermost step first.
    Repeated(Vec<Step>),
}

impl Stop {
    fn within(self, step: Step) -> Self {
        match self {
            Stop::Broken => Stop::Broken,
            Stop::Repeated(mut path) => {
                path.push(step);
                Stop::Repeated(path)
            }
        }
    }
}

/// The bytes of a body, as the specification lays them out.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    is_little: bool,
    depth: usize,
}

impl<'b> Reader<'b> {
    /// Reads a value of the first type of a signature; gives the rest of it.
    fn value<'s>(&mut self, signature: &'s [u8]) -> Result<&'s [u8], Stop> {
        let (kind, rest) = signature.split_first().ok_or(Stop::Broken)?;
        match kind {
            b'y' => drop(self.take(1)?),
            b'n' | b'q' => drop(self.aligned(2)?),
            b'b' | b'i' | b'u' | b'h' => drop(self.aligned(4)?),
            b'x' | b't' | b'd' => drop(self.aligned(8)?),
            b's' | b'o' => drop(self.text()?),
            b'g' => drop(self.signature()?),
            b'v' => self.variant()?,
            b'a' => return self.array(rest),
            b'(' => return self.structure(rest),
            _ => return Err(Stop::Broken),
        }
        Ok(rest)
    }

    fn variant(&mut self) -> Result<(), Stop> {
        let signature = self.signature()?;
        self.deeper(|reader| reader.value(signature).map(drop))
    }

    fn structure<'s>(&mut self, mut signature: &'s [u8]) -> Result<&'s [u8], Stop> {
        self.align(8)?;
        self.deeper(|reader| {
            loop {
                match signature.split_first() {
                    Some((b')', rest)) => return Ok(rest),
                    Some(_) => signature = reader.value(signature)?,
                    None => return Err(Stop::Broken),
                }
            }
        })
    }

    fn array<'s>(&mut self, of: &'s [u8]) -> Result<&'s [u8], Stop> {
        let length = self.length()?;
        let after = after_one(of).ok_or(Stop::Broken)?;
        self.align(match of.first() {
            Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
            Some(b'n' | b'q') => 2,
            Some(b'y' | b'g' | b'v') => 1,
            _ => 4,
        })?;
        let end = self.at.checked_add(length).ok_or(Stop::Broken)?;
        if end > self.bytes.len() {
            return Err(Stop::Broken);
        }
        let entry = of.strip_prefix(b"{");
        self.deeper(|reader| match entry {
            Some(entry) => reader.entries(entry, end),
            None => reader.elements(of, end),
        })?;
        Ok(after)
    }

    fn elements(&mut self, of: &[u8], end: usize) -> Result<(), Stop> {
        // Plain bytes hold no dictionary, and there may be millions.
        if of.first() == Some(&b'y') {
            self.at = end;
        }
        for at in 0.. {
            if self.at >= end {
                break;
            }
            self.value(of).map_err(|stop| stop.within(Step::At(at)))?;
        }
        Ok(())
    }

    fn entries(&mut self, entry: &[u8], end: usize) -> Result<(), Stop> {
        let mut seen: BTreeSet<&'b [u8]> = BTreeSet::new();
        while self.at < end {
            self.align(8)?;
            let (start, bytes) = (self.at, self.bytes);
            let value = self.value(entry)?;
            let key = bytes.get(start..self.at).ok_or(Stop::Broken)?;
            let step = || Step::Key(text_of(key));
            if !seen.insert(key) {
                return Err(Stop::Repeated(vec![step()]));
            }
            self.value(value).map_err(|stop| stop.within(step()))?;
        }
        Ok(())
    }

    fn text(&mut self) -> Result<&'b [u8], Stop> {
        let length = self.length()?;
        let text = self.take(length)?;
        self.take(1)?;
        Ok(text)
    }

    fn signature(&mut self) -> Result<&'b [u8], Stop> {
        let length = *self.take(1)?.first().ok_or(Stop::Broken)?;
        let text = self.take(length.into())?;
        self.take(1)?;
        Ok(text)
    }

    fn length(&mut self) -> Result<usize, Stop> {
        let bytes = self.aligned(4)?.try_into().map_err(|_| Stop::Broken)?;
        let length = match self.is_little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        };
        usize::try_from(length).map_err(|_| Stop::Broken)
    }

    fn aligned(&mut self, length: usize) -> Result<&'b [u8], Stop> {
        self.align(length)?;
        self.take(length)
    }

    fn align(&mut self, to: usize) -> Result<(), Stop> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Stop> {
        let end = self.at.checked_add(length).ok_or(Stop::Broken)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Broken)?;
        self.at = end;
        Ok(taken)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth == DEPTH_MAX {
            return Err(Stop::Broken);
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }
}

/// A text as it is laid out: its length, the text, a 0.
fn text_of(laid_out: &[u8]) -> String {
    let text = laid_out.get(4..laid_out.len().saturating_sub(1));
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}

/// What is left of a signature behind its first type.
fn after_one(signature: &[u8]) -> Option<&[u8]> {
    let (kind, mut rest) = signature.split_first()?;
    let close = match kind {
        b'a' => return after_one(rest),
        b'(' => b')',
        b'{' => b'}',
        _ => return Some(rest),
    };
    loop {
        match rest.split_first()? {
            (end, after) if *end == close => return Some(after),
            _ => rest = after_one(rest)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key, the signature of its value, and what lays that out.
    type Entry<'e> = (&'e str, &'e [u8], &'e dyn Fn(&mut Vec<u8>));

    /// A dictionary of texts and values, laid out by hand at this place in the body.
    fn dict(entries: &[Entry<'_>], out: &mut Vec<u8>) {
        pad(out, 4);
        let length_at = out.len();
        out.extend([0; 4]);
        pad(out, 8);
        let start = out.len();
        for (key, signature, value) in entries {
            pad(out, 8);
            text(key, out);
            out.push(u8::try_from(signature.len()).unwrap());
            out.extend(*signature);
            out.push(0);
            value(out);
        }
        let length = u32::try_from(out.len() - start).unwrap();
        out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn text(text: &str, out: &mut Vec<u8>) {
        pad(out, 4);
        out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        out.extend(text.as_bytes());
        out.push(0);
    }

    fn pad(out: &mut Vec<u8>, to: usize) {
        out.resize(out.len().next_multiple_of(to), 0);
    }

    fn found(bytes: &[u8]) -> Option<String> {
        let mut reader = Reader {
            bytes,
            at: 0,
            is_little: true,
            depth: 0,
        };
        match reader.value(b"a{sv}") {
            Err(Stop::Repeated(path)) => Some(told(path, |key| key.is_ascii())),
            Ok(rest) => {
                assert!(rest.is_empty() && reader.at == bytes.len());
                None
            }
            Err(Stop::Broken) => Some("broken".to_owned()),
        }
    }

    #[test]
    fn what_stands_twice_is_told_by_its_path_however_deep() {
        let a: &dyn Fn(&mut Vec<u8>) = &|out| text("1", out);
        let line = |out: &mut Vec<u8>| dict(&[("pric", b"s", a), ("cnt", b"s", a)], out);
        let twice = |out: &mut Vec<u8>| dict(&[("pric", b"s", a), ("pric", b"s", a)], out);
        let list = |second: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            dict(
                &[
                    ("request_id", b"s", a),
                    ("lines", b"aa{sv}", &|out| {
                        pad(out, 4);
                        let at = out.len();
                        out.extend([0; 4]);
                        line(out);
                        second(out);
                        let length = u32::try_from(out.len() - at - 4).unwrap();
                        out[at..at + 4].copy_from_slice(&length.to_le_bytes());
                    }),
                ],
                &mut out,
            );
            out
        };
        assert_eq!(found(&list(&line)), None);
        assert_eq!(found(&list(&twice)).as_deref(), Some("lines[1].pric"));
        let mut top = Vec::new();
        dict(
            &[("request_id", b"s", a), ("request_id", b"s", a)],
            &mut top,
        );
        assert_eq!(found(&top).as_deref(), Some("request_id"));
        let mut own = Vec::new();
        dict(&[("张三", b"s", a), ("张三", b"s", a)], &mut own);
        assert_eq!(found(&own).as_deref(), Some(""), "the caller's own word");
        // Torn at every byte, and every byte changed: it ends.
        let whole = list(&line);
        for end in 0..whole.len() {
            assert_eq!(found(&whole[..end]).as_deref(), Some("broken"), "{end}");
            let mut wrong = whole.clone();
            wrong[end] ^= 0xff;
            let mut reader = Reader {
                bytes: &wrong,
                at: 0,
                is_little: true,
                depth: 0,
            };
            drop(reader.value(b"a{sv}"));
        }
    }

    #[test]
    fn the_signature_behind_a_type_is_found() {
        for (signature, rest) in [
            ("sv", Some("v")),
            ("a{sv}u", Some("u")),
            ("aa{s(ib)}x", Some("x")),
            ("(i(s)v)", Some("")),
            ("a{s", None),
            ("", None),
        ] {
            let found = after_one(signature.as_bytes());
            assert_eq!(found, rest.map(str::as_bytes), "{signature}");
        }
    }
}
