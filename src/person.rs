//! Names, id and card numbers, tokens: types that show nothing.
//!
//! `Debug` and `Serialize` of these types show a mask, never the value. The value comes out only through
//! `expose()`, and onto the sealed half of a journal row only through the field attribute
//! `#[serde(with = "crate::person::plain")]` (or [`plain_option`]).

use zeroize::Zeroizing;

/// A value about a person that can be built from and read as text, on purpose only.
pub trait Secret: Sized {
    /// Takes the text.
    fn hide(text: String) -> Self;
    /// The value itself. Each caller is a place where personal data leaves its box.
    fn expose(&self) -> &str;
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Default)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes the text.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(Zeroizing::new(text.into()))
            }

            /// The value itself. Each caller is a place where personal data leaves its box.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Whether there is no value.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Secret for $name {
            fn hide(text: String) -> Self {
                Self::new(text)
            }
            fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str("***")
            }
        }
    };
}

secret!(
    /// A person's name, as the platform or the bill gives it.
    Name
);
secret!(
    /// An identity document's number (`certno`): 居民身份证 and others.
    IdNo
);
secret!(
    /// A card's number or identification code (`mdtrt_cert_no` of type 03, `card_sn`).
    CardNo
);
secret!(
    /// What else a document says about its holder: the day of birth, the address.
    Particular
);
secret!(
    /// What the e-voucher centre gave for a scanned code (`ecToken`).
    EcToken
);
secret!(
    /// The text of a scanned code. It is never stored.
    ScannedCode
);

impl Name {
    /// The family name and one mark per further character: `张**`.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut characters = self.expose().chars();
        let mut shown: String = characters.next().into_iter().collect();
        shown.extend(characters.map(|_| '*'));
        shown
    }
}

impl IdNo {
    /// The region and the last four characters: `430102********0012`; shorter numbers show their last two.
    #[must_use]
    pub fn masked(&self) -> String {
        mask_middle(self.expose())
    }

    /// Whether this is a well-formed 居民身份证 number (GB 11643: 17 digits, check character by MOD 11-2).
    #[must_use]
    pub fn is_resident_id(&self) -> bool {
        resident_id_is_valid(self.expose())
    }

    /// The same number, whatever the case of its last character.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        !self.is_empty() && self.expose().eq_ignore_ascii_case(other.expose())
    }
}

impl CardNo {
    /// The last two characters: `*******01`.
    #[must_use]
    pub fn masked(&self) -> String {
        mask_middle(self.expose())
    }
}

/// Masks the middle of a number: `430102********0012`.
fn mask_middle(text: &str) -> String {
    let count = text.chars().count();
    let (head, tail) = if count >= 15 {
        (6, 4)
    } else {
        (0, 2.min(count))
    };
    text.chars()
        .enumerate()
        .map(|(i, c)| {
            if i < head || i + tail >= count {
                c
            } else {
                '*'
            }
        })
        .collect()
}

/// GB 11643: seventeen digits, a date at 7–14 and the check character of ISO 7064 MOD 11-2.
#[must_use]
pub fn resident_id_is_valid(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let characters: Vec<char> = text.chars().collect();
    if characters.len() != 18 || !text.is_ascii() {
        return false;
    }
    let mut sum = 0;
    for (character, weight) in characters.iter().zip(WEIGHTS) {
        let Some(digit) = character.to_digit(10) else {
            return false;
        };
        sum += digit * weight;
    }
    let month: u32 = text[10..12].parse().unwrap_or(0);
    let day: u32 = text[12..14].parse().unwrap_or(0);
    let year: u32 = text[6..10].parse().unwrap_or(0);
    let date_is_plausible =
        (1880..=2199).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let check = usize::try_from(sum % 11).map(|i| CHECKS[i]);
    date_is_plausible && check.is_ok_and(|c| characters[17].to_ascii_uppercase() == c)
}

/// Serialises the value itself. For the sealed half of a journal row only.
pub mod plain {
    use super::Secret;
    use serde::Deserialize as _;

    /// Writes the value.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<T: Secret, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.expose())
    }

    /// Reads the value.
    ///
    /// # Errors
    /// Those of the deserialiser.
    pub fn deserialize<'de, T: Secret, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        String::deserialize(from).map(T::hide)
    }
}

/// [`plain`] for a value that may be absent.
pub mod plain_option {
    use super::Secret;
    use serde::Deserialize as _;

    /// Writes the value or null.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<T: Secret, S: serde::Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(value.expose()),
            None => to.serialize_none(),
        }
    }

    /// Reads the value or null.
    ///
    /// # Errors
    /// Those of the deserialiser.
    pub fn deserialize<'de, T: Secret, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(T::hide))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows() {
        let id = IdNo::new("110101190001011009");
        assert_eq!(format!("{id:?}"), "IdNo(***)");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"***\"");
        assert_eq!(id.masked(), "110101********1009");
        assert_eq!(Name::new("欧阳某某").masked(), "欧***");
    }

    #[test]
    fn check_characters_are_computed() {
        assert!(
            resident_id_is_valid("11010119000101100X")
                != resident_id_is_valid("110101190001011009")
        );
        assert!(!resident_id_is_valid("42412345678901234567890123"));
        assert!(!resident_id_is_valid("110101190013011009"));
    }
}
