//! What the kinds of insurance are called where people read.

/// 险种类型 by the national dictionary. Empty: a local child that only its province names.
#[must_use]
pub fn name(insutype: &str) -> &'static str {
    match insutype {
        "310" => "职工基本医疗保险",
        "320" => "公务员医疗补助",
        "340" => "离休人员医疗保障",
        "390" => "城乡居民基本医疗保险",
        "510" => "生育保险",
        _ => "",
    }
}

/// Code and name, `310 职工基本医疗保险`; the code alone where it has no national name.
#[must_use]
pub fn shown(insutype: &str) -> String {
    format!("{insutype} {}", name(insutype)).trim().to_owned()
}
