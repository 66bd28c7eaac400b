//! Text for people: numbers with separators, sizes, output that survives a closed pipe.

use std::io::{ErrorKind, Write};

use crate::exit::{Failure, config};

/// Writes to standard output; a reader that has seen enough and left is no failure.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(config(error)),
        _ => Ok(()),
    }
}

/// A count with thin separators: 1,234,567.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the largest unit that leaves a number of at least 1.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn bytes(size: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (size as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{size} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(7, "7")]
    #[case(1000, "1,000")]
    #[case(48_000_000, "48,000,000")]
    fn counts_have_separators(#[case] number: u64, #[case] text: &str) {
        assert_eq!(count(number), text);
    }

    #[rstest]
    #[case(12, "12 B")]
    #[case(1536, "1.5 KiB")]
    #[case(5 << 30, "5.0 GiB")]
    fn sizes_have_units(#[case] size: u64, #[case] text: &str) {
        assert_eq!(bytes(size), text);
    }
}
