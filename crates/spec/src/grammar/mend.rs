//! Slips of the hand in YAML that is well formed: each is reported once and set right in the tree, so that what comes
//! after sees what was meant and has nothing more to say about it.

use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::syntax::{Entry, Node, Text, Value};

use super::check::{list, with_article};
use super::{Key, Object, Shape};

/// Reports and mends misspelt keys, keys beside the definition that they belong to, and values that a comma has cut.
pub(crate) fn mend(node: &mut Node, object: &Object, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    Mender { text, diagnostics }.object(node, object);
}

struct Mender<'a> {
    /// The text of the file.
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Mender<'_> {
    fn object(&mut self, node: &mut Node, object: &Object) {
        let Value::Map(entries) = &mut node.value else { return };
        self.cut_values(entries);
        self.misspelt_keys(entries, object);
        for entry in entries {
            if let Some(key) = object.keys.iter().find(|key| key.name == entry.key.value) {
                self.shape(&mut entry.node, &key.shape);
            }
        }
    }

    fn shape(&mut self, node: &mut Node, shape: &Shape) {
        match (shape, &mut node.value) {
            (Shape::Object(object), _) => self.object(node, object),
            (Shape::ScalarOr(_, inner), Value::Map(_)) => self.shape(node, inner),
            (Shape::List(inner) | Shape::Pair(inner), Value::List(items)) => {
                for item in items {
                    self.shape(item, inner);
                }
            }
            (Shape::Map(_, inner), Value::Map(entries)) => {
                self.cut_values(entries);
                if let Shape::Object(object) = inner {
                    self.keys_beside(entries, object);
                }
                for entry in entries {
                    self.shape(&mut entry.node, inner);
                }
            }
            _ => {}
        }
    }

    /// `{n: quantile(x, 0.9)}`: what stands behind the comma belongs to the value before it.
    fn cut_values(&mut self, entries: &mut Vec<Entry>) {
        let mut index = 1;
        while index < entries.len() {
            let entry = &entries[index];
            let behind = self.text[entry.key.span.end..].trim_start();
            let is_bare = matches!(entry.node.value, Value::Null) && behind.starts_with([',', '}']);
            let plain = |entry: &Entry| matches!(&entry.node.value, Value::Text(text) if text.plain);
            if !is_bare || !plain(&entries[index - 1]) {
                index += 1;
                continue;
            }
            let cut = entries.remove(index);
            let value = &mut entries[index - 1].node;
            let whole = Span { end: cut.key.span.end, ..value.span };
            let written = self.text[whole.start..whole.end].to_owned();
            if !self
                .diagnostics
                .iter()
                .any(|known| known.code == "cut-value" && known.span.is_some_and(|span| span.start == whole.start))
            {
                self.diagnostics.push(
                    Diagnostic::error("cut-value", "the comma ends the value here, inside of `{…}`")
                        .at(cut.key.span)
                        .label(value.span, "the value")
                        .help(format!("quotes keep it together: {}", quoted(&written))),
                );
            }
            value.value =
                Value::Text(Text { map: crate::syntax::TextMap::at(whole.start), value: written, plain: true });
            value.span = whole;
        }
    }

    fn misspelt_keys(&mut self, entries: &mut [Entry], object: &Object) {
        for index in 0..entries.len() {
            let name = &entries[index].key.value;
            if object.keys.iter().any(|key| key.name == *name) {
                continue;
            }
            let free = |key: &&Key| !entries.iter().any(|entry| entry.key.value == key.name);
            let names = object.keys.iter().filter(free).map(|key| key.name);
            let Some(near) = did_you_mean(name, names) else { continue };
            let message = format!("{} has no key `{name}`", with_article(object.name));
            self.diagnostics.push(
                Diagnostic::error("unknown-key", message)
                    .at(entries[index].key.span)
                    .help(format!("did you mean `{near}`?")),
            );
            entries[index].key.value = near;
        }
    }

    /// Keys of a definition that stand beside it instead of below it.
    fn keys_beside(&mut self, entries: &mut Vec<Entry>, object: &Object) {
        let mut index = 1;
        let mut moved: Vec<(String, Span, usize)> = Vec::new();
        while index < entries.len() {
            let owner = &entries[index - 1];
            if !is_key_of(&entries[index], object) || !matches!(owner.node.value, Value::Map(_) | Value::Null) {
                index += 1;
                continue;
            }
            let entry = entries.remove(index);
            moved.push((entry.key.value.clone(), entry.key.span, index - 1));
            let owner = &mut entries[index - 1];
            if matches!(owner.node.value, Value::Null) {
                owner.node.value = Value::Map(Vec::new());
            }
            if let Value::Map(inner) = &mut owner.node.value {
                inner.push(entry);
            }
        }
        let mut owners: Vec<usize> = moved.iter().map(|(.., owner)| *owner).collect();
        owners.dedup();
        for owner in owners {
            let mine: Vec<_> = moved.iter().filter(|(.., other)| *other == owner).collect();
            let names = list(mine.iter().map(|(name, ..)| name.as_str()));
            let name = &entries[owner].key.value;
            let (verb, stand, pronoun) =
                if mine.len() == 1 { ("is a key", "stands", "it") } else { ("are keys", "stand", "them") };
            let mut diagnostic = Diagnostic::error(
                "misplaced-key",
                format!("{names} {verb} of {}, and {stand} beside one instead of below it", with_article(object.name)),
            )
            .help(format!("two more spaces before {pronoun} put {pronoun} below `{name}`"));
            if let Some((_, span, _)) = mine.first() {
                diagnostic = diagnostic.at(*span).label(entries[owner].key.span, "below this one");
            }
            self.diagnostics.push(diagnostic);
        }
    }
}

/// Whether an entry has the name of a key of the object, and a value that is no such object.
fn is_key_of(entry: &Entry, object: &Object) -> bool {
    let named = |name: &str| object.keys.iter().any(|key| key.name == name);
    named(&entry.key.value) && !entry.node.entries().iter().any(|inner| named(&inner.key.value))
}

fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{}'", text.replace('\'', "''")) } else { format!("`\"{text}\"`") }
}
