//! Family static key: one header with the secret as its value.

use super::Header;

/// The one header. Names of headers are not told apart by case: it goes out in lower case.
pub(super) fn headers(name: &str, secret: &str) -> Vec<Header> {
    vec![(name.to_ascii_lowercase().into(), secret.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_the_value() {
        let expected: Header = ("apikey".into(), "s3cret".to_owned());
        assert_eq!(headers("apiKey", "s3cret"), [expected]);
    }
}
