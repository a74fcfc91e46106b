//! Invented insured persons. Names and numbers belong to nobody; the check digits are right.

use std::fmt;

use super::platform::{Fen, Ratio};

/// One insurance of a person.
#[derive(Clone, Debug)]
pub struct Insurance {
    /// 310 employees, 390 residents.
    pub insutype: &'static str,
    /// 11 at work, 15 resident.
    pub psn_type: &'static str,
    /// 1 in force, 2 paused.
    pub stas: &'static str,
    /// 1 civil servant.
    pub cvlserv: &'static str,
    /// Where insured.
    pub insuplc: &'static str,
    /// Employer.
    pub employer: &'static str,
    /// On the personal account at the start.
    pub balance: Fen,
    /// Deductible not used up this year at the start.
    pub deductible: Fen,
    /// Share of the pooled fund.
    pub pool: Ratio,
    /// Share of the civil servants' fund in the rest.
    pub civil: Ratio,
    /// What the pooled fund still pays this year at the start.
    pub limit: Fen,
}

/// One invented person.
#[derive(Clone)]
pub struct Person {
    /// How tests and scripts call the person.
    pub key: String,
    /// Invented.
    pub name: String,
    /// 18 characters with the right check digit.
    pub idno: String,
    /// Personal number of the platform.
    pub psn_no: String,
    /// 1 male, 2 female.
    pub gend: &'static str,
    /// `yyyy-MM-dd`.
    pub born: String,
    /// Social security card: number.
    pub card_no: String,
    /// Social security card: identification code, 32 characters.
    pub card_sn: String,
    /// Rows of `insuinfo`.
    pub insured: Vec<Insurance>,
    /// Whether the platform has the person in its books; the e-voucher centre knows everybody.
    pub is_known: bool,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// The first insurance in force, or the first at all.
    #[must_use]
    pub fn main_insurance(&self) -> &Insurance {
        let in_force = self.insured.iter().find(|row| row.stas == "1");
        in_force
            .or_else(|| self.insured.first())
            .expect("every person has an insurance")
    }

    /// The row of this insurance type.
    #[must_use]
    pub fn insurance(&self, insutype: &str) -> Option<&Insurance> {
        self.insured.iter().find(|row| row.insutype == insutype)
    }
}

/// The persons every sandbox knows. All but `other_area` are insured in 430100; `stranger` has a code, and
/// no insurance that this platform knows of.
#[must_use]
pub fn everybody() -> Vec<Person> {
    vec![
        person(
            "employee",
            "沈知远",
            "43010219850312",
            11,
            vec![employee(321_846, "1")],
        ),
        person(
            "employee_no_account",
            "顾晚晴",
            "43010519910724",
            42,
            vec![employee(0, "1")],
        ),
        person("resident", "罗小满", "43011119780903", 27, vec![resident()]),
        person(
            "civil_servant",
            "程望舒",
            "43010319830518",
            64,
            vec![civil_servant()],
        ),
        person(
            "two_insurances",
            "陆星野",
            "43010419940226",
            35,
            vec![employee(58_020, "1"), resident()],
        ),
        person(
            "paused",
            "秦川柏",
            "43012219870611",
            53,
            vec![employee(120_500, "2")],
        ),
        person(
            "other_area",
            "苏景明",
            "44010419801105",
            77,
            vec![other_area()],
        ),
        Person {
            is_known: false,
            ..person(
                "stranger",
                "方未名",
                "33010219920417",
                88,
                vec![employee(10_000, "1")],
            )
        },
    ]
}

/// `count` more employees, `crowd_0000` and on, so that many settlements at once do not meet in
/// one account.
#[must_use]
pub fn crowd(count: usize) -> Vec<Person> {
    const NAMES: [char; 10] = ['甲', '乙', '丙', '丁', '戊', '己', '庚', '辛', '壬', '癸'];
    let one = |number: usize| {
        let digit = |place: usize| NAMES[number / place % 10];
        let name = format!("虚{}{}{}", digit(100), digit(10), digit(1));
        // A birthday for each hundred of them.
        let (month, day) = (number / 100 % 12 + 1, number / 1_200 % 28 + 1);
        let birth = format!("430121{}{month:02}{day:02}", 1970 + number / 33_600);
        let serial = u32::try_from(number % 100).expect("below a hundred");
        let mut person = person("", &name, &birth, serial, vec![employee(100_000, "1")]);
        person.key = format!("crowd_{number:04}");
        person.psn_no = format!("43000098{number:010}");
        person.card_no = format!("Y8{number:07}");
        person.card_sn = format!("430100D15600000598{number:014}");
        person
    };
    (0..count).map(one).collect()
}

/// The check digit of an 18-character id number (ISO 7064 MOD 11-2) for its first 17 digits.
#[must_use]
pub fn check_digit(first_17: &str) -> char {
    let remainder = first_17.bytes().fold(0_u32, |sum, digit| {
        (sum + u32::from(digit.wrapping_sub(b'0'))) * 2 % 11
    });
    match (12 - remainder) % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).expect("a remainder below ten is a digit"),
    }
}

fn person(
    key: &str,
    name: &str,
    region_and_birth: &str,
    serial: u32,
    insured: Vec<Insurance>,
) -> Person {
    let first_17 = format!("{region_and_birth}9{serial:02}");
    let idno = format!("{first_17}{}", check_digit(&first_17));
    let birth = &region_and_birth[6..];
    Person {
        key: key.to_owned(),
        name: name.to_owned(),
        psn_no: format!("43000099{}{serial:06}", &birth[..4]),
        gend: if serial % 2 == 1 { "1" } else { "2" },
        born: format!("{}-{}-{}", &birth[..4], &birth[4..6], &birth[6..]),
        card_no: format!("Z9{serial:07}"),
        card_sn: format!("430100D15600000599{serial:014}"),
        idno,
        insured,
        is_known: true,
    }
}

fn employee(balance_fen: i64, stas: &'static str) -> Insurance {
    Insurance {
        insutype: "310",
        psn_type: "11",
        stas,
        cvlserv: "0",
        insuplc: "430100",
        employer: "湘江虚构机械有限公司",
        balance: Fen(balance_fen),
        deductible: Fen(2_000),
        pool: Ratio(7_000),
        civil: Ratio(0),
        limit: Fen(150_000),
    }
}

fn civil_servant() -> Insurance {
    Insurance {
        cvlserv: "1",
        employer: "虚构市档案馆",
        civil: Ratio(5_000),
        ..employee(264_000, "1")
    }
}

fn resident() -> Insurance {
    Insurance {
        insutype: "390",
        psn_type: "15",
        employer: "",
        deductible: Fen(0),
        pool: Ratio(5_000),
        limit: Fen(42_000),
        ..employee(0, "1")
    }
}

fn other_area() -> Insurance {
    Insurance {
        insuplc: "440100",
        employer: "珠江虚构贸易有限公司",
        ..employee(90_250, "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_the_standard() {
        // The worked example printed in GB 11643.
        assert_eq!(check_digit("11010519491231002"), 'X');
        assert_eq!(check_digit("44052418800101001"), '4');
    }

    #[test]
    fn everybody_is_well_formed_and_distinct() {
        let mut all = everybody();
        all.extend(crowd(3_000));
        for person in &all {
            assert_eq!(person.idno.len(), 18);
            assert_eq!(
                person.idno.chars().last(),
                Some(check_digit(&person.idno[..17]))
            );
            assert_eq!(person.card_sn.len(), 32);
            assert!(!format!("{person:?}").contains(&person.name));
            let male = person.idno.as_bytes()[16] % 2 == 1;
            assert_eq!(person.gend == "1", male, "{}", person.key);
        }
        let mut numbers: Vec<_> = all.iter().map(|p| p.psn_no.clone()).collect();
        numbers.extend(all.iter().map(|p| p.idno.clone()));
        numbers.extend(all.iter().map(|p| p.card_no.clone()));
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 3 * all.len());
    }
}
