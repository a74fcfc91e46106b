//! Trouble by name, armed once or for good at a chosen transaction.
//!
//! `F1@2207`, `F3@2206:1500` (a value), `F2@2207!` (sticky). `2207` also means 2207A; `*` means
//! everything; `ec.query` is the e-voucher service; `now` is the moment of arming, for what befalls the
//! connections that come next. [`LIST`] has every name with what it does.

mod list;

use std::fmt;

pub use list::{Entry, LIST, listed};
use list::{Means, entry};

/// Most faults armed at once.
const FAULTS_MAX: usize = 256;
/// The target of what begins as it is armed.
const NOW: &str = "now";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// F1, F24: done, but the answer never leaves.
    AnswerLost,
    /// F2: the request disappears before anything is done.
    RequestLost,
    /// F3: done at once, answered after `value` milliseconds.
    Slow,
    /// F4: an HTML page, not done with 502, done behind the gateway's back with `:504`.
    Html,
    /// F5: done, the JSON is cut in half; with `:1` the connection breaks in the middle of the
    /// body.
    Cut,
    /// F6: infcode as text.
    InfcodeText,
    /// F7: output as JSON text.
    OutputText,
    /// F8: amounts as text; on 2208 also nulls.
    AmountsText,
    /// F9: fund_pay_sumamt contains the account.
    FundWithAccount,
    /// F10: the gateway says 401, nothing is done.
    Gateway,
    /// F11: the token (or, at `ec.query`, the code) is expired.
    TokenInvalid,
    /// F12: 2207 charges the fund one fen less and the patient one fen more than 2206 said.
    OneFenOff,
    /// F13: the msgid is claimed to be a repeated one.
    MsgidRepeated,
    /// F14: the sign-in ends at this moment.
    SignExpired,
    /// F15: 5203 without setl_id, `:0` refused (also without a value), `:1` allowed.
    QueryWithoutSetlId,
    /// F16: 2601 for an unknown omsgid, `:0` refused, `:1` success (also without a value).
    ReverseUnknown,
    /// F17: clr_optins is null.
    ClrOptinsNull,
    /// F20: held until the caller goes or `value` milliseconds have passed, then done.
    CommitLate,
    /// F21: infcode -1 though done.
    RefusedThoughDone,
    /// F22: the answer speaks of another message.
    OtherAnswer,
    /// F23: a relay delivers the request twice; answered by the first, with `:2` by the second.
    DeliveredTwice,
    /// F30: the file of 9102 is bent: `:0` cut in the middle (also without a value), `:1` its text is cut in a
    /// line, `:2` it has other columns, `:3` it unpacks to 20 MiB.
    FileBent,
    /// N1: once this is answered nothing listens for `value` milliseconds.
    NothingListens,
    /// N2: once this is answered the next `value` connections are reset as they are accepted.
    ConnectionReset,
    /// N3: reset after part of the request was read; nothing is done.
    RequestCut,
    /// N4: done, and reset before the first byte of the answer.
    AnswerReset,
    /// N5: done, and reset after half of the answer.
    AnswerHalf,
    /// N6: 200 and bytes that mean nothing; done, with `:0` not.
    Garbage,
    /// N11: done, and the answer comes a byte each `value` milliseconds.
    Drip,
    /// N12: once this is answered the next `value` TLS handshakes are answered by nonsense.
    HandshakeBroken,
    /// N13: once this is answered the next `value` TLS connections show a stranger's certificate.
    CertificateStrange,
}

/// One armed fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Transaction number, `ec.query` or `*`.
    pub target: String,
    /// The part after the colon.
    pub value: Option<u64>,
    /// Stays armed.
    pub sticky: bool,
}

impl Fault {
    /// Reads `F3@2206:1500!`. `F24` stands for `F1@2601`.
    ///
    /// # Errors
    /// Text that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, sticky) = match text.strip_suffix('!') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let text = if text == "F24" { "F24@2601" } else { text };
        let (name, place) = text.split_once('@').unwrap_or((text, ""));
        let row = entry(name).ok_or_else(|| format!("没有这种故障 unknown fault: {name}"))?;
        let kind = match row.means {
            Means::Kind(kind) => kind,
            Means::Elsewhere => return Err(format!("{name} is not armed: {}", row.en)),
        };
        let (target, value) = match place.split_once(':') {
            Some((target, value)) => {
                let value = value.parse();
                let value = value.map_err(|_| format!("not a number: {place}"))?;
                (target, Some(value))
            }
            None => (place, None),
        };
        if target.is_empty() {
            return Err("a fault is NAME@TRANSACTION".to_owned());
        }
        if target == NOW && !kind.strikes_connections() {
            return Err(format!(
                "{name} strikes a transaction, it cannot strike now"
            ));
        }
        Ok(Self {
            kind,
            target: target.to_owned(),
            value,
            sticky,
        })
    }

    /// Whether it begins as it is armed.
    #[must_use]
    pub fn begins_now(&self) -> bool {
        self.target == NOW
    }

    fn hits(&self, infno: &str) -> bool {
        self.target == "*"
            || self.target == infno
            || infno
                .strip_suffix('A')
                .is_some_and(|base| base == self.target)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = list::name(self.kind);
        write!(f, "{name}@{}", self.target)?;
        if let Some(value) = self.value {
            write!(f, ":{value}")?;
        }
        f.write_str(if self.sticky { "!" } else { "" })
    }
}

impl Kind {
    /// Whether it strikes the connections that come next, and not the request it is armed at.
    #[must_use]
    pub fn strikes_connections(self) -> bool {
        matches!(
            self,
            Self::NothingListens
                | Self::ConnectionReset
                | Self::HandshakeBroken
                | Self::CertificateStrange
        )
    }
}

/// All that is armed, in order of arming.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Fault>,
}

impl Faults {
    /// Adds one behind the others.
    ///
    /// # Errors
    /// When too many are armed.
    pub fn arm(&mut self, fault: Fault) -> Result<(), String> {
        if self.armed.len() >= FAULTS_MAX {
            return Err("too many faults armed".to_owned());
        }
        self.armed.push(fault);
        Ok(())
    }

    /// Disarms everything.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// What is armed.
    #[must_use]
    pub fn armed(&self) -> &[Fault] {
        &self.armed
    }

    /// Takes the fault that cuts this request while it is read, if one is armed.
    pub fn take_cut(&mut self, infno: &str) -> Option<Fault> {
        let cuts = |fault: &Fault| fault.kind == Kind::RequestCut && fault.hits(infno);
        let place = self.armed.iter().position(cuts)?;
        let fault = self.armed[place].clone();
        if !fault.sticky {
            self.armed.remove(place);
        }
        Some(fault)
    }

    /// The faults of one request, one of a kind at most; those armed once are used up.
    pub fn take(&mut self, infno: &str) -> Hits {
        let mut hits: Vec<Fault> = Vec::new();
        self.armed.retain(|fault| {
            let taken = fault.hits(infno) && !hits.iter().any(|hit| hit.kind == fault.kind);
            if taken {
                hits.push(fault.clone());
            }
            !taken || fault.sticky
        });
        Hits(hits)
    }
}

/// The faults that strike one request.
#[derive(Clone, Debug, Default)]
pub struct Hits(Vec<Fault>);

impl Hits {
    /// One that strikes on its own.
    #[must_use]
    pub fn of(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Whether this one strikes.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|fault| fault.kind == kind)
    }

    /// Its value, `default` without one; `None` when it does not strike.
    #[must_use]
    pub fn value(&self, kind: Kind, default: u64) -> Option<u64> {
        let fault = self.0.iter().find(|fault| fault.kind == kind)?;
        Some(fault.value.unwrap_or(default))
    }

    /// As text, for the ledger.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names() {
        for text in [
            "F1@2207",
            "F3@2206:1500",
            "F2@2207!",
            "F3@*:10!",
            "F11@ec.query",
            "N1@now:500",
            "N2@2206:3",
            "N5@2207!",
        ] {
            assert_eq!(Fault::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Fault::parse("F24").unwrap().to_string(), "F1@2601");
        assert_eq!(Fault::parse("N7@2207").unwrap().to_string(), "F4@2207");
        for bad in [
            "F1",
            "F99@2207",
            "F1@",
            "F3@2206:x",
            "F18@2207",
            "F19@2207",
            "N3@now",
        ] {
            assert!(Fault::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn strikes_once_or_for_good() {
        let mut faults = Faults::default();
        for text in ["F1@2207", "F1@2207", "F3@2206:5!"] {
            faults.arm(Fault::parse(text).unwrap()).unwrap();
        }
        assert!(!faults.take("2204").has(Kind::AnswerLost));
        assert!(faults.take("2207A").has(Kind::AnswerLost));
        assert!(faults.take("2207").has(Kind::AnswerLost));
        assert!(!faults.take("2207").has(Kind::AnswerLost));
        assert_eq!(faults.take("2206").value(Kind::Slow, 1), Some(5));
        assert_eq!(faults.take("2206").value(Kind::Slow, 1), Some(5));
    }
}
