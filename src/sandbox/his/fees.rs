//! Fees: what a doctor's signed orders cost, line by line.

use crate::sandbox::platform::Fen;
use crate::sandbox::platform::catalogue;

/// What a fee is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeKind {
    /// A prescription.
    Medicines,
    /// A laboratory order.
    Laboratory,
}

impl FeeKind {
    /// As the list shows it.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            FeeKind::Medicines => "西药费",
            FeeKind::Laboratory => "检验费",
        }
    }
}

/// One line of a fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeLine {
    /// What the patient reads.
    pub name: &'static str,
    /// National code.
    pub code: &'static str,
    /// The hospital's own code.
    pub own_code: &'static str,
    /// Price of one, decimal text.
    pub price: &'static str,
    /// How many.
    pub count: u32,
    /// Price × count.
    pub amount: Fen,
}

/// By which settlement something was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The platform's id of the settlement.
    pub setl_id: String,
    /// The platform's id of the visit.
    pub mdtrt_id: String,
    /// The person's number at the insurance.
    pub psn_no: String,
}

/// One fee of the list that a patient ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// The bill's number.
    pub number: String,
    /// Whose.
    pub his_id: String,
    /// The visit it belongs to.
    pub visit: String,
    /// What for.
    pub kind: FeeKind,
    /// Its lines.
    pub lines: Vec<FeeLine>,
    /// By what it was paid.
    pub paid: Option<Paid>,
    pub(super) is_given: bool,
}

impl Fee {
    pub(super) fn new(number: String, kind: FeeKind, his_id: &str, visit: &str) -> Self {
        let lines = match kind {
            FeeKind::Medicines => vec![
                line(
                    "阿莫西林胶囊 0.25g×24粒",
                    catalogue::DRUG_A,
                    "M1001",
                    "12.60",
                    2,
                    2_520,
                ),
                line(
                    "缬沙坦胶囊 80mg×7粒",
                    catalogue::DRUG_B,
                    "M1002",
                    "38.50",
                    2,
                    7_700,
                ),
                line(
                    "复合维生素片 30片",
                    catalogue::SELF_PAID,
                    "M1003",
                    "45.00",
                    1,
                    4_500,
                ),
            ],
            FeeKind::Laboratory => {
                vec![line(
                    "血细胞分析",
                    catalogue::LABORATORY,
                    "L2001",
                    "22.00",
                    1,
                    2_200,
                )]
            }
        };
        Self {
            number,
            his_id: his_id.to_owned(),
            visit: visit.to_owned(),
            kind,
            lines,
            paid: None,
            is_given: false,
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn total(&self) -> Fen {
        self.lines.iter().map(|line| line.amount).sum()
    }
}

pub(super) fn line(
    name: &'static str,
    code: &'static str,
    own_code: &'static str,
    price: &'static str,
    count: u32,
    fen: i64,
) -> FeeLine {
    FeeLine {
        name,
        code,
        own_code,
        price,
        count,
        amount: Fen(fen),
    }
}
