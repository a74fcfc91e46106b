//! What kinds of cards there are, by their answer to reset, and how the 社保卡 are read: rows of data.
//!
//! An answer to reset names a chip and its system, and every issuer buys others: it can say what a card is not.
//! That a card is a 社保卡 is known when it has the application 社会保障系统环境 (SSSE), whose name is fixed.

/// A kind of card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// What it is called in answers.
    pub(crate) name: &'static str,
    /// How its answer to reset begins, in hexadecimal; `?` stands for any digit.
    begins: &'static str,
    /// Whether commands of ISO 7816-4 make sense to it.
    pub(crate) has_files: bool,
}

/// All kinds; the first that fits counts.
const KINDS: [Kind; 4] = [
    // PC/SC part 3: a reader speaks for a memory chip without contacts (0F, storage card, its RID).
    Kind {
        name: "storage",
        begins: "3b8f8001804f0ca000000306",
        has_files: false,
    },
    // PC/SC part 3: a processor without contacts (T=0 announced, T=1 follows).
    Kind {
        name: "contactless",
        begins: "3b8?8001",
        has_files: true,
    },
    Kind {
        name: "contact",
        begins: "3b",
        has_files: true,
    },
    // Inverse convention; it is turned by the reader.
    Kind {
        name: "contact-inverse",
        begins: "3f",
        has_files: true,
    },
];

/// The kind that has this answer to reset.
pub(crate) fn of(atr: &[u8]) -> Option<Kind> {
    let digits = hex::encode(atr);
    KINDS.into_iter().find(|kind| {
        kind.begins.len() <= digits.len()
            && (kind.begins.bytes().zip(digits.bytes()))
                .all(|(want, is)| want == b'?' || want == is)
    })
}

/// How the files of a 社保卡 are read. What the specification leaves open to cards is a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The name in the configuration (`model`).
    pub(crate) name: &'static str,
    /// P1 of SELECT for a file below the application.
    pub(crate) select_file_p1: u8,
    /// What P1 of READ RECORD means.
    pub(crate) records: Records,
}

/// What P1 of READ RECORD means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// The record's own identifier (P2 = 00).
    ByTag,
    /// Its place in the file (P2 = 04).
    ByNumber,
}

/// All layouts; the first is taken when the configuration names none.
const LAYOUTS: [Layout; 4] = [
    Layout {
        name: "ssse",
        select_file_p1: 0x02,
        records: Records::ByTag,
    },
    Layout {
        name: "ssse-by-number",
        select_file_p1: 0x02,
        records: Records::ByNumber,
    },
    // Cards that know a file by its identifier only when it is called that of the current folder.
    Layout {
        name: "ssse-plain",
        select_file_p1: 0x00,
        records: Records::ByTag,
    },
    Layout {
        name: "ssse-plain-by-number",
        select_file_p1: 0x00,
        records: Records::ByNumber,
    },
];

/// The layout that the configuration names; the first when it names none; `None`: there is no such layout.
pub(crate) fn layout(model: Option<&str>) -> Option<Layout> {
    let name = model.unwrap_or(LAYOUTS[0].name);
    LAYOUTS.into_iter().find(|layout| layout.name == name)
}

/// The names of all layouts, for messages.
pub(crate) fn layout_names() -> String {
    LAYOUTS.map(|layout| layout.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_how_it_answers() {
        let named = |digits: &str| of(&hex::decode(digits).unwrap()).map(|kind| kind.name);
        let memory = "3b8f8001804f0ca000000306030001000000006a";
        assert_eq!(named(memory), Some("storage"));
        assert_eq!(named("3b888001000000000000000009"), Some("contactless"));
        assert_eq!(named("3b6d000000810000000000000000000000"), Some("contact"));
        assert_eq!(named("3f6500"), Some("contact-inverse"));
        assert_eq!(named("00"), None);
        assert_eq!(named(""), None);
    }

    #[test]
    fn a_layout_is_found_by_its_name() {
        assert_eq!(layout(None).unwrap().name, "ssse");
        assert_eq!(layout(Some("ssse-plain")).unwrap().select_file_p1, 0);
        assert!(layout(Some("toaster")).is_none());
    }
}
