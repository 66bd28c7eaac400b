//! What is said about rows that are repeated.

use crate::diagnostic::Diagnostic;
use crate::grammar::list;
use crate::sql::Call;

use super::aggregates::Multiplied;
use super::relation::Fan;

/// An aggregate that counts something more than once.
pub(super) fn multiplied(call: &Call, multiplied: &Multiplied) -> Diagnostic {
    let argument = crate::sql::arguments(&call.function).first().map(ToString::to_string);
    let written = format!("{}({})", call.name, argument.as_deref().unwrap_or("*"));
    let (fan, finding) = match multiplied {
        Multiplied::By(fan, _) if argument.is_none() => {
            let message = format!("`{written}` counts pairs of rows of `{}` and `{}`", fan.left, fan.right);
            (fan, Diagnostic::error("fan-out", message))
        }
        Multiplied::By(fan, owner) => {
            let (left, right) = (owner.as_ref().unwrap_or(&fan.left), &fan.right);
            let message =
                format!("`{written}` takes each row of `{left}` once for every row of `{right}` that it meets");
            (fan, Diagnostic::error("fan-out", message))
        }
        Multiplied::Amount(fan) => {
            let Fan { left, right, .. } = fan;
            let message =
                format!("`{written}` adds an amount of `{left}` once for every row of `{right}` that it is joined to");
            (fan, Diagnostic::warning("fan-out", message))
        }
    };
    let right = &fan.right;
    let first = match &fan.on[..] {
        [] => format!("sum up in a `with` query before `{right}` is joined"),
        on => format!("bring `{right}` to one row for each {} in a `with` query before the join", names(on)),
    };
    let distinct = match (&argument, call.name.as_str()) {
        (Some(argument), "count") => format!(", write `count(distinct {argument})`"),
        _ => String::new(),
    };
    finding
        .label(fan.place, meets(fan))
        .help(format!("{first}{distinct}, or say `fans_out: [{right}]` beside `sql` if it is meant"))
}

/// Rows that are pairs and nothing else.
pub(super) fn pairs(fan: &Fan) -> Diagnostic {
    let Fan { left, right, .. } = fan;
    Diagnostic::warning(
        "fan-out",
        format!("rows of `{left}` and `{right}` are repeated: each meets several of the other"),
    )
    .at(fan.place)
    .help(format!(
        "{}; `key: […]` beside `sql` says what one row of the result is, and `fans_out: [{right}]` that it is meant",
        key_of(fan)
    ))
}

/// A table behind a comma, which nothing joins to those before it.
pub(super) fn without_condition(name: &str) -> Diagnostic {
    Diagnostic::error("join-without-condition", format!("nothing says which rows of `{name}` belong to a row"))
        .help(format!("`join {name} on …` or `using (…)` says it; `cross join {name}` if each row is to meet each"))
}

/// Beside the join: who meets whom.
fn meets(fan: &Fan) -> String {
    format!("each row of `{}` meets several rows of `{}`: {}", fan.left, fan.right, key_of(fan))
}

/// `` the key of `touchpoints` is `touch_id`, the join is on `account_id` ``.
fn key_of(fan: &Fan) -> String {
    let key = match fan.key.as_deref() {
        Some(key) if !key.is_empty() => format!("its key is {}", names(key)),
        _ => "no columns of it tell its rows apart".to_owned(),
    };
    match &fan.on[..] {
        [] => key,
        on => format!("{key}, the join is on {}", names(on)),
    }
}

fn names(names: &[String]) -> String {
    list(names.iter().map(String::as_str))
}
