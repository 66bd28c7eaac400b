//! Whatever a file holds, loading ends with a report and not with a panic.

use abmart_spec::diagnostic::to_json;

use crate::{BASE, load};

/// Loads and renders, so that every place is looked up as well.
fn survives(text: &str) {
    if let Err(error) = load(&[("jobs/base.yaml", text)], &[]) {
        assert!(!error.render(true).is_empty());
        assert!(to_json(&error.diagnostics, &error.files).is_array());
    }
}

#[test]
fn a_file_that_ends_too_early() {
    for (end, _) in BASE.char_indices().step_by(19) {
        survives(&BASE[..end]);
    }
}

#[test]
fn a_character_that_does_not_belong_there() {
    let strange = ["{", "]", ":", "\"", "'", "|", "\n", "\t", "é", "&", "*", "#", "$", "\r\n", "\u{feff}", "(", ","];
    for (index, (at, _)) in BASE.char_indices().step_by(23).enumerate() {
        let mut text = BASE.to_owned();
        text.insert_str(at, strange[index % strange.len()]);
        survives(&text);
    }
}

#[test]
fn lines_that_are_missing() {
    let lines: Vec<&str> = BASE.lines().collect();
    for missing in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(missing);
        survives(&rest.join("\n"));
    }
}

#[test]
fn files_with_windows_line_ends_mean_the_same() {
    assert!(load(&[("jobs/base.yaml", &BASE.replace('\n', "\r\n"))], &[]).is_ok());
}
