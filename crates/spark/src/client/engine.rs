//! Which engine answers. The protocol's own question for the version is not understood by every engine; the plan of a
//! query for it is, and it is text.

/// What stands for an engine that does not say what it is.
pub(super) const UNKNOWN: &str = "Spark Connect";
/// The query whose plan names the version.
pub(super) const QUESTION: &str = "SELECT version() AS version";

/// The engine's name and version, read from its plan of [`QUESTION`].
pub(super) fn named(plan: &str) -> Option<String> {
    // Spark prints `Project [4.3.0 <revision> AS version#1]`, Sail, which plans by DataFusion, `ProjectionExec: expr=[0.7.2 as #0]`.
    let name = if plan.contains("ProjectionExec") { "Sail" } else { "Spark" };
    let version = plan.split('[').skip(1).filter_map(|text| text.split([' ', ']']).next()).find(|word| {
        let mut parts = word.split('.');
        parts.next().is_some_and(|major| !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit()))
            && parts.next().is_some_and(|minor| minor.starts_with(|first: char| first.is_ascii_digit()))
    })?;
    Some(format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::spark(
        "== Physical Plan ==\n*(1) Project [4.3.0 98bc0212c94705434471627068f41e374ccab143 AS version#9168]\n+- *(1) Scan OneRowRelation[]\n",
        Some("Spark 4.3.0")
    )]
    #[case::sail(
        "== Physical Plan ==\nProjectionExec: expr=[#0@0 as version]\n  ProjectionExec: expr=[0.7.2 as #0]\n    PlaceholderRowExec\n",
        Some("Sail 0.7.2")
    )]
    #[case::another("== Physical Plan ==\nPhotonProject [version() AS version]\n", None)]
    #[case::nothing("", None)]
    fn an_engine_is_named_by_its_plan(#[case] plan: &str, #[case] engine: Option<&str>) {
        assert_eq!(named(plan).as_deref(), engine);
    }
}
