//! Equations of chains.

/// States beyond which equations are solved step by step instead of at once.
const AT_ONCE: usize = 500;
/// Relative error at which a solution step by step is taken.
const RESIDUAL: f64 = 1e-13;

/// A state's steps to others and how likely they are.
pub(super) type Row = Vec<(usize, f64)>;

/// Equations that could not be solved to the accuracy wanted.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[error("the equations of the Markov chain with {states} states could not be solved: an error of {residual:e} is left")]
pub struct Unsolved {
    states: usize,
    residual: f64,
}

/// The first unknown of `x = Qx + b`, with a row of Q for each state.
pub(super) fn first(rows: &[Row], ends: Vec<f64>) -> Result<f64, Unsolved> {
    if rows.len() <= AT_ONCE { Ok(at_once(rows, ends)) } else { step_by_step(rows, &ends) }
}

/// By elimination of one state after the other from the last on.
///
/// What a state does in the end is put in the place of every step to it. Nothing is ever subtracted but what stays within
/// a state, so that no digits are lost.
pub(super) fn at_once(rows: &[Row], mut ends: Vec<f64>) -> f64 {
    let size = rows.len();
    let mut steps = vec![0.0; size * size];
    // How likely a state is left for nothing, which the others do not need but its own rest does.
    let mut lost = vec![0.0; size];
    for (state, row) in rows.iter().enumerate() {
        let mut kept = ends[state];
        for (to, probability) in row {
            steps[state * size + to] += probability;
            kept += probability;
        }
        lost[state] = (1.0 - kept).max(0.0);
    }
    for state in (1..size).rev() {
        let leaves: f64 = steps[state * size..state * size + state].iter().sum::<f64>() + ends[state] + lost[state];
        if leaves <= 0.0 {
            continue;
        }
        let (above, own) = steps.split_at_mut(state * size);
        let own = &own[..state];
        for from in 0..state {
            let into = above[from * size + state];
            if into == 0.0 {
                continue;
            }
            let factor = into / leaves;
            for (to, probability) in own.iter().enumerate() {
                above[from * size + to] += factor * probability;
            }
            ends[from] += factor * ends[state];
            lost[from] += factor * lost[state];
        }
    }
    let leaves = ends[0] + lost[0];
    if leaves > 0.0 { ends[0] / leaves } else { 0.0 }
}

/// As [`at_once`], by the stabilised method of biconjugate gradients (van der Vorst, 1992), for many states with few steps.
pub(super) fn step_by_step(rows: &[Row], ends: &[f64]) -> Result<f64, Unsolved> {
    let size = rows.len();
    let stays: Vec<f64> = rows
        .iter()
        .enumerate()
        .map(|(state, row)| row.iter().filter(|(to, _)| *to == state).map(|(_, probability)| probability).sum())
        .collect();
    // Every equation divided by what leaves its state.
    let leaves: Vec<f64> = stays.iter().map(|stays| (1.0 - stays).max(f64::MIN_POSITIVE)).collect();
    let right: Vec<f64> = ends.iter().zip(&leaves).map(|(end, leaves)| end / leaves).collect();
    let apply = |x: &[f64]| -> Vec<f64> {
        let state = |(state, row): (usize, &Row)| {
            let others = row.iter().filter(|(to, _)| *to != state);
            x[state] - others.map(|(to, probability)| probability * x[*to]).sum::<f64>() / leaves[state]
        };
        rows.iter().enumerate().map(state).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let greatest = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scale = greatest(&right).max(f64::MIN_POSITIVE);
    let mut x = vec![0.0; size];
    let mut residual = f64::INFINITY;
    // Each round begins with what is truly left, which the rounds before have lost sight of.
    for _ in 0..50 {
        let mut rest: Vec<f64> = right.iter().zip(apply(&x)).map(|(right, left)| right - left).collect();
        residual = greatest(&rest) / scale;
        if residual <= RESIDUAL {
            return Ok(x[0].clamp(0.0, 1.0));
        }
        let shadow = rest.clone();
        let (mut rho, mut alpha, mut omega) = (1.0, 1.0, 1.0);
        let (mut v, mut p) = (vec![0.0; size], vec![0.0; size]);
        for _ in 0..500 {
            let next = dot(&shadow, &rest);
            if next.abs() < f64::MIN_POSITIVE || omega == 0.0 {
                break;
            }
            let beta = (next / rho) * (alpha / omega);
            rho = next;
            for index in 0..size {
                p[index] = rest[index] + beta * (p[index] - omega * v[index]);
            }
            v = apply(&p);
            let along = dot(&shadow, &v);
            if along.abs() < f64::MIN_POSITIVE {
                break;
            }
            alpha = rho / along;
            let half: Vec<f64> = rest.iter().zip(&v).map(|(rest, v)| rest - alpha * v).collect();
            let turned = apply(&half);
            let length = dot(&turned, &turned);
            omega = if length > 0.0 { dot(&turned, &half) / length } else { 0.0 };
            for index in 0..size {
                x[index] += alpha * p[index] + omega * half[index];
                rest[index] = half[index] - omega * turned[index];
            }
            if greatest(&rest) / scale <= RESIDUAL / 4.0 {
                break;
            }
        }
    }
    Err(Unsolved { states: size, residual })
}
