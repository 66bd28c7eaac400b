//! Boxes in layers → places: few crossings, short arrows, and the same picture for the same view.

use std::collections::BTreeMap;

use super::view::View;

/// Width of a box in pixels.
pub(super) const WIDTH: f64 = 180.0;
/// Height of a box.
pub(super) const HEIGHT: f64 = 40.0;
/// Between the boxes of two layers.
const GAP: f64 = 52.0;
/// Between two boxes of a layer.
const APART: f64 = 12.0;
/// Height that an arrow takes on its way past a layer.
const LANE: f64 = 8.0;
/// Around the whole.
const MARGIN: f64 = 8.0;
/// Sweeps over the layers in each direction; more change little.
const SWEEPS: usize = 8;

/// Where everything is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub width: f64,
    pub height: f64,
    /// Upper left corner of each box of the view.
    pub places: Vec<(f64, f64)>,
    /// The points that arrows pass, from the box they leave to the one they enter: the left end of each, at its middle.
    pub ways: Vec<Vec<(f64, f64)>>,
    /// Arrows between neighbouring layers that meet on their way, because all of some boxes lead to all of some others.
    pub bundles: Vec<Bundle>,
}

/// Arrows that meet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bundle {
    pub from: Vec<(f64, f64)>,
    pub to: Vec<(f64, f64)>,
    /// Where they meet.
    pub at: (f64, f64),
}

/// A box, or an arrow's place in a layer that it passes.
struct Item {
    height: f64,
    /// The middle.
    y: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

struct Layout {
    items: Vec<Item>,
    /// Layer → items, from top to bottom.
    layers: Vec<Vec<usize>>,
}

/// Places the boxes and arrows of a view.
pub(super) fn layout(view: &View) -> Picture {
    let first = view.boxes.iter().map(|shown| shown.layer).min().unwrap_or_default();
    // Every arrow goes to a later layer, so differences are positive.
    let column = |layer: i32| usize::try_from(layer - first).unwrap_or_default();
    let last = view.boxes.iter().map(|shown| column(shown.layer)).max().unwrap_or_default();
    let mut layout = Layout { items: Vec::new(), layers: vec![Vec::new(); last + 1] };
    for shown in &view.boxes {
        layout.add(column(shown.layer), HEIGHT + APART);
    }
    let mut ways: Vec<Vec<usize>> = Vec::new();
    let bundled = bundled(view);
    for (from, to) in &view.arrows {
        let mut way = vec![*from];
        for layer in column(view.boxes[*from].layer) + 1..column(view.boxes[*to].layer) {
            way.push(layout.add(layer, LANE));
        }
        way.push(*to);
        for pair in way.windows(2) {
            layout.items[pair[0]].after.push(pair[1]);
            layout.items[pair[1]].before.push(pair[0]);
        }
        if !bundled.iter().any(|(sources, targets)| sources.contains(from) && targets.contains(to)) {
            ways.push(way);
        }
    }
    layout.order();
    layout.spread();
    let top = layout.items.iter().map(|item| item.y - item.height / 2.0).fold(f64::INFINITY, f64::min);
    let bottom = layout.items.iter().map(|item| item.y + item.height / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let x_of: BTreeMap<usize, f64> = layout
        .layers
        .iter()
        .scan(MARGIN, |x, items| {
            let at = *x;
            *x += WIDTH + GAP;
            Some(items.iter().map(move |item| (*item, at)).collect::<Vec<_>>())
        })
        .flatten()
        .collect();
    let x = |item: usize| x_of.get(&item).copied().unwrap_or(MARGIN);
    let y = |item: usize| (layout.items[item].y - top + MARGIN - APART / 2.0).round();
    let point = |item: &usize| (x(*item), y(*item));
    let bundles = bundled.iter().filter_map(|(sources, targets)| {
        let (from, to): (Vec<_>, Vec<_>) = (sources.iter().map(point).collect(), targets.iter().map(point).collect());
        let at = (to.first()?.0 - GAP / 2.0, mean(from.iter().chain(&to).map(|(_, y)| *y))?.round());
        Some(Bundle { from, to, at })
    });
    let columns = layout.layers.iter().map(|_| WIDTH + GAP).sum::<f64>();
    Picture {
        width: columns - GAP + 2.0 * MARGIN,
        height: (bottom - top - APART + 2.0 * MARGIN).round().max(HEIGHT + 2.0 * MARGIN),
        places: (0..view.boxes.len()).map(|item| (x(item), (y(item) - HEIGHT / 2.0).round())).collect(),
        ways: ways.iter().map(|way| way.iter().map(point).collect()).collect(),
        bundles: bundles.collect(),
    }
}

/// Boxes all of which lead to all of some boxes of the next layer, with those, where one meeting point makes fewer lines.
fn bundled(view: &View) -> Vec<(Vec<usize>, Vec<usize>)> {
    let layer = |index: usize| view.boxes[index].layer;
    let mut sources: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in view.arrows.iter().filter(|(from, to)| layer(*from) + 1 == layer(*to)) {
        sources.entry(*to).or_default().push(*from);
    }
    let mut alike: BTreeMap<(i32, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for (to, from) in sources {
        alike.entry((layer(to), from)).or_default().push(to);
    }
    let bundles = alike.into_iter().map(|((_, from), to)| (from, to));
    bundles
        .filter(|(from, to)| from.len() > 1 && to.len() > 1 && from.len() * to.len() > from.len() + to.len())
        .collect()
}

impl Layout {
    fn add(&mut self, layer: usize, height: f64) -> usize {
        let index = self.items.len();
        self.items.push(Item { height, y: 0.0, before: Vec::new(), after: Vec::new() });
        self.layers[layer].push(index);
        index
    }

    /// Puts the items of each layer in the order of the mean place of their neighbours, to and fro.
    fn order(&mut self) {
        for sweep in 0..SWEEPS {
            let forward = sweep % 2 == 0;
            for layer in self.towards(forward) {
                let rank: BTreeMap<usize, usize> = self
                    .layers
                    .iter()
                    .flat_map(|items| items.iter().enumerate().map(|(rank, item)| (*item, rank)))
                    .collect();
                let items = self.layers[layer].clone();
                let mut keyed: Vec<(f64, usize, usize)> = items
                    .iter()
                    .enumerate()
                    .map(|(place, item)| {
                        let neighbours = self.neighbours(*item, forward).iter();
                        let ranks = neighbours.filter_map(|other| rank.get(other)).copied();
                        (mean(ranks.map(as_number)).unwrap_or_else(|| as_number(place)), place, *item)
                    })
                    .collect();
                keyed.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
                self.layers[layer] = keyed.into_iter().map(|(_, _, item)| item).collect();
            }
        }
    }

    /// Moves items towards the height of their neighbours, without changing their order or letting them overlap.
    fn spread(&mut self) {
        for layer in 0..self.layers.len() {
            self.settle(layer, &|_, place| place);
        }
        for sweep in 0..SWEEPS {
            let forward = sweep % 2 == 0;
            for layer in self.towards(forward) {
                let heights: BTreeMap<usize, f64> = self.layers[layer]
                    .iter()
                    .filter_map(|item| {
                        let neighbours = self.neighbours(*item, forward).iter();
                        Some((*item, mean(neighbours.map(|other| self.items[*other].y))?))
                    })
                    .collect();
                self.settle(layer, &|item, place| heights.get(&item).copied().unwrap_or(place));
            }
        }
    }

    /// Places the items of a layer as near as their order allows to where each wants to be.
    fn settle(&mut self, layer: usize, wanted: &dyn Fn(usize, f64) -> f64) {
        let items = self.layers[layer].clone();
        let mut end = f64::NEG_INFINITY;
        let mut off = 0.0;
        for item in &items {
            let (half, place) = (self.items[*item].height / 2.0, self.items[*item].y);
            let wish = wanted(*item, place);
            let y = wish.max(end + half);
            off += y - wish;
            self.items[*item].y = y;
            end = y + half;
        }
        let shift = off / as_number(items.len().max(1));
        for item in items {
            self.items[item].y -= shift;
        }
    }

    fn neighbours(&self, item: usize, forward: bool) -> &[usize] {
        if forward { &self.items[item].before } else { &self.items[item].after }
    }

    fn towards(&self, forward: bool) -> Vec<usize> {
        let layers = 0..self.layers.len();
        if forward { layers.collect() } else { layers.rev().collect() }
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0_usize), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / as_number(count))
}

#[expect(clippy::cast_precision_loss, reason = "a picture has few boxes")]
fn as_number(count: usize) -> f64 {
    count as f64
}
