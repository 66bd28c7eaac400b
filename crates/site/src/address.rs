//! Names → file names and anchors that every file system and browser takes, different for different names.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Gives out file names; no two are the same, and none differs from another by case alone.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    taken: BTreeSet<String>,
}

impl Addresses {
    /// `folder/name.html`, with a number where the place is taken.
    pub fn page(&mut self, folder: &str, name: &str) -> String {
        let safe = safe(name);
        let mut path = format!("{folder}/{safe}.html");
        let mut number = 2;
        while !self.taken.insert(path.clone()) {
            path = format!("{folder}/{safe}~{number}.html");
            number += 1;
        }
        path
    }
}

/// The anchor of something on a page, such as a column.
pub(crate) fn anchor(prefix: &str, name: &str) -> String {
    format!("{prefix}-{}", safe(name))
}

/// Lower-case letters, digits, `_` and inner `-` as they are; anything else by the number of its character, so that
/// different names stay different. Names that a file system keeps for itself, or that are too long for one, are marked.
fn safe(name: &str) -> String {
    let mut safe = String::new();
    for character in name.chars() {
        match character {
            'a'..='z' | '0'..='9' | '_' | '-' => safe.push(character),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "~{:x}~", u32::from(other));
            }
        }
    }
    if safe.len() > LONGEST {
        let digest = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        safe.truncate(LONGEST);
        let _ = write!(safe, "~{digest:016x}");
    }
    let device = safe.strip_prefix("com").or_else(|| safe.strip_prefix("lpt"));
    let numbered = device.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()));
    if safe.is_empty() || numbered || ["con", "prn", "aux", "nul"].contains(&safe.as_str()) {
        safe.push('~');
    }
    safe
}

const LONGEST: usize = 120;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("win_rate", "kpi/win_rate.html")]
    #[case("../../etc/passwd", "kpi/~2e~~2e~~2f~~2e~~2e~~2f~etc~2f~passwd.html")]
    #[case("Win Rate", "kpi/~57~in~20~~52~ate.html")]
    #[case("coût", "kpi/co~fb~t.html")]
    #[case("con", "kpi/con~.html")]
    #[case("lpt1", "kpi/lpt1~.html")]
    #[case("", "kpi/~.html")]
    fn a_name_makes_a_file_name(#[case] name: &str, #[case] path: &str) {
        assert_eq!(Addresses::default().page("kpi", name), path);
    }

    #[test]
    fn a_place_is_given_once() {
        let mut addresses = Addresses::default();
        assert_eq!(addresses.page("kpi", "a"), "kpi/a.html");
        assert_eq!(addresses.page("kpi", "a"), "kpi/a~2.html");
        assert_eq!(addresses.page("mart", "a"), "mart/a.html");
    }

    proptest! {
        #[test]
        fn different_names_stay_different(names in proptest::collection::hash_set(".{0,150}", 1..6)) {
            let places: BTreeSet<String> = names.iter().map(|name| safe(name)).collect();
            prop_assert_eq!(places.len(), names.len());
            for place in places {
                prop_assert!(place.len() < 200);
                prop_assert!(place.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-~".contains(&byte)));
            }
        }
    }
}
