//! "did you mean": the known name nearest to a mistyped one.

/// The candidate that was most likely meant by `name`, if one is near enough to be worth a suggestion.
#[must_use]
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::osa_distance(&wanted, &known);
            let length = wanted.chars().count().max(known.chars().count());
            // A third of the letters may differ; a name that only lacks its beginning or end is near as well.
            let near = distance * 3 <= length.max(3);
            let part = wanted.len() >= 4 && (known.starts_with(&wanted) || known.ends_with(&wanted));
            (near || part).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;
    use rstest::rstest;

    #[rstest]
    #[case("acount_id", &["account_id", "amount"], Some("account_id"))]
    #[case("Amount", &["account_id", "amount"], Some("amount"))]
    #[case("weight", &["weights", "signal_weights"], Some("weights"))]
    #[case("campaign", &["campaign_targets", "surveys"], Some("campaign_targets"))]
    #[case("zz", &["account_id", "amount"], None)]
    fn suggests_the_nearest_name(#[case] name: &str, #[case] candidates: &[&str], #[case] expected: Option<&str>) {
        assert_eq!(did_you_mean(name, candidates.iter().copied()).as_deref(), expected);
    }
}
