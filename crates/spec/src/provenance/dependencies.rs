//! What determines what: columns and rows as numbers, and the rules by which some of them fix others.

use std::collections::BTreeSet;

/// A column, or the identity of a relation's rows, wherever it turns up.
pub(super) type Id = u32;

/// Some of them.
pub(super) type Ids = BTreeSet<Id>;

/// Functional dependencies: equal values of the first give equal values of the second.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(Vec<(Ids, Ids)>);

impl Rules {
    /// Notes that `from` determines `to`; nothing determines a constant.
    pub fn add(&mut self, from: Ids, to: Ids) {
        let rule = (from, to);
        if !rule.1.is_subset(&rule.0) && !self.0.contains(&rule) {
            self.0.push(rule);
        }
    }

    /// Takes over other rules.
    pub fn extend(&mut self, other: &Self) {
        for (from, to) in &other.0 {
            self.add(from.clone(), to.clone());
        }
    }

    /// Everything that is fixed once `start` is.
    pub fn closure(&self, start: &Ids) -> Ids {
        let mut fixed = start.clone();
        loop {
            let before = fixed.len();
            for (from, to) in &self.0 {
                if from.is_subset(&fixed) {
                    fixed.extend(to);
                }
            }
            if fixed.len() == before {
                return fixed;
            }
        }
    }

    /// Whether `start` fixes all of `wanted`.
    pub fn determines(&self, start: &Ids, wanted: &Ids) -> bool {
        wanted.is_subset(&self.closure(start))
    }

    /// What these rules say about `ids` alone.
    pub fn about(&self, ids: &Ids) -> Self {
        let constants = self.closure(&Ids::new());
        let mut kept = Self::default();
        kept.add(Ids::new(), constants.intersection(ids).copied().collect());
        for (from, _) in &self.0 {
            let from: Ids = from.difference(&constants).copied().collect();
            if from.is_subset(ids) {
                let to = self.closure(&from).intersection(ids).copied().collect();
                kept.add(from, to);
            }
        }
        kept
    }

    /// The rules with other numbers.
    pub fn renamed(&self, rename: &mut impl FnMut(Id) -> Id) -> Self {
        let mut renamed = |ids: &Ids| ids.iter().map(|id| rename(*id)).collect();
        Self(self.0.iter().map(|(from, to)| (renamed(from), renamed(to))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: [Id; N]) -> Ids {
        ids.into()
    }

    #[test]
    fn what_is_fixed_follows_the_rules_to_their_end() {
        let mut rules = Rules::default();
        rules.add(ids([1]), ids([2]));
        rules.add(ids([2, 3]), ids([4]));
        rules.add(ids([]), ids([5]));
        assert_eq!(rules.closure(&ids([1])), ids([1, 2, 5]));
        assert!(rules.determines(&ids([1, 3]), &ids([4, 5])));
        assert!(!rules.determines(&ids([2]), &ids([1])));
    }

    #[test]
    fn rules_about_a_part_go_through_what_is_left_out() {
        let mut rules = Rules::default();
        rules.add(ids([1]), ids([2]));
        rules.add(ids([2]), ids([3]));
        rules.add(ids([]), ids([4]));
        rules.add(ids([4, 3]), ids([6]));
        let about = rules.about(&ids([1, 3, 6]));
        assert_eq!(about.closure(&ids([1])), ids([1, 3, 6]));
        assert_eq!(about.closure(&ids([3])), ids([3, 6]));
    }
}
