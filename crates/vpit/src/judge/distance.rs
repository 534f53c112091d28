//! What is said of two sets of features beside their distance: the floor, the kernel distance, the distance at infinite n.

use score::frechet::{self, Moments, Normal};
use score::kid;
use serde::Serialize;

use super::inception::WIDTH;
use crate::rng::Rng;

/// The features of a set of pictures, added in an order of chance, so that a half and a part of them are a fair draw.
#[derive(Debug)]
pub struct Gathered {
    pub moments: Moments,
    /// The first half of the pictures.
    first: Option<Moments>,
    half: u64,
    rows: Option<Vec<f32>>,
}

impl Gathered {
    /// Nothing yet of about `expected` pictures; `keep` keeps all features beside their moments.
    #[must_use]
    pub fn new(expected: u64, keep: bool) -> Self {
        Self { moments: Moments::new(WIDTH as usize), first: None, half: expected / 2, rows: keep.then(Vec::new) }
    }

    /// Add the features of some pictures, one after the other.
    ///
    /// # Errors
    /// A feature is not finite.
    pub fn add(&mut self, features: &[f32]) -> Result<(), frechet::Error> {
        let until_half = self.half.saturating_sub(self.moments.n()) as usize * self.moments.dim();
        let rest = match features.split_at_checked(until_half) {
            Some((before, after)) if self.first.is_none() => {
                self.moments.extend(before)?;
                self.first = Some(self.moments.clone());
                after
            }
            _ => features,
        };
        self.moments.extend(rest)?;
        if let Some(rows) = &mut self.rows {
            rows.extend_from_slice(features);
        }
        Ok(())
    }

    /// The features, if they were to be kept.
    #[must_use]
    pub fn rows(&self) -> &[f32] {
        self.rows.as_deref().unwrap_or_default()
    }

    /// The distance of two halves, if they carry one; `biased` takes any that can be computed.
    ///
    /// # Errors
    /// The features overflow.
    pub fn floor(&self, biased: bool) -> Result<Option<Floor>, frechet::Error> {
        let Some(first) = self.first.as_ref().filter(|first| first.n() < self.moments.n()) else { return Ok(None) };
        let second = self.moments.without(first)?;
        let n = first.n().min(second.n());
        if n <= if biased { 1 } else { self.moments.dim() as u64 } {
            return Ok(None);
        }
        Ok(Some(Floor { value: frechet::distance(first, &second)?, n }))
    }
}

/// The distance between two halves of the real pictures: what a perfect generator would get at this n.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
pub struct Floor {
    pub value: f64,
    pub n: u64,
}

/// The kernel distance.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
pub struct Kernel {
    pub value: f64,
    /// Standard deviation over subsets.
    pub deviation: f64,
    pub subsets: u64,
    pub subset: usize,
}

const SUBSETS: u64 = 100;
const SUBSET: usize = 1000;

impl Kernel {
    /// Of features of real and of generated pictures, over subsets that are drawn the same each time.
    ///
    /// # Errors
    /// One side has fewer than two pictures.
    pub fn between(real: &[f32], generated: &[f32]) -> Result<Self, kid::Error> {
        let dim = WIDTH as usize;
        let subset = SUBSET.min(real.len() / dim).min(generated.len() / dim);
        let mut values = Vec::new();
        for number in 0..SUBSETS {
            let left = drawn(real, dim, subset, "kid real", number);
            let right = drawn(generated, dim, subset, "kid generated", number);
            values.push(kid::discrepancy(dim, &left, &right)?);
        }
        let (mean, deviation) = kid::over_subsets(&values).ok_or(kid::Error::TooFew { n: 0 })?;
        Ok(Self { value: mean.value, deviation, subsets: SUBSETS, subset })
    }
}

/// `count` different rows.
fn drawn(rows: &[f32], dim: usize, count: usize, purpose: &str, number: u64) -> Vec<f64> {
    let mut rng = Rng::new(0, purpose, number);
    let mut order: Vec<usize> = (0..rows.len() / dim).collect();
    for at in 0..count {
        let other = at + rng.below((order.len() - at) as u64) as usize;
        order.swap(at, other);
    }
    let row = |&at: &usize| rows.chunks_exact(dim).nth(at).unwrap_or_default().iter().map(|&value| f64::from(value));
    order.iter().take(count).flat_map(row).collect()
}

/// Distances on the way to infinity, and the first one's share of all pictures (Chong and Forsyth 2020: 15 from 5,000 on).
const STEPS: u64 = 15;
const FIRST: u64 = 6;

/// Distances at growing numbers of generated pictures.
#[derive(Debug)]
pub struct ToInfinity {
    ends: Vec<u64>,
    points: Vec<(u64, f64)>,
}

impl ToInfinity {
    /// For `n` generated pictures; none is wanted where that is unknown.
    #[must_use]
    pub fn new(n: Option<u64>) -> Self {
        let n = n.unwrap_or_default();
        let first = (n / FIRST).max(WIDTH as u64 + 1);
        let end = |step: u64| first + (n.saturating_sub(first)) * step / (STEPS - 1);
        let ends = if first < n { (0..STEPS).rev().map(end).collect() } else { Vec::new() };
        Self { ends, points: Vec::new() }
    }

    /// Take the distance of the generated pictures so far, if it is its turn.
    ///
    /// # Errors
    /// The features overflow.
    pub fn step(&mut self, reference: &Normal, so_far: &Moments) -> Result<(), frechet::Error> {
        if self.ends.last().is_none_or(|&end| so_far.n() < end) {
            return Ok(());
        }
        self.ends.retain(|&end| end > so_far.n());
        self.points.push((so_far.n(), frechet::between(reference, &so_far.normal()?)?));
        Ok(())
    }

    /// The distance for infinitely many generated pictures, if there are enough of them.
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        frechet::extrapolated(&self.points)
    }
}

/// Below this many pictures a feature the bias is more than a small part of most distances.
const TRUSTED: u64 = 10;

/// What has to be known of a distance of so many pictures, real and generated.
#[must_use]
pub fn warnings(n: [Option<u64>; 2]) -> Vec<String> {
    let enough = TRUSTED * WIDTH as u64;
    let few = n.iter().flatten().min().filter(|&&n| n < enough);
    let few =
        few.map(|n| format!("n = {n} is below {enough}, so much of this distance is bias: compare equal n alone"));
    let unknown = n.contains(&None).then(|| "a file of statistics does not say of how many pictures it is".to_owned());
    few.into_iter().chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(rows: &[f64]) -> Moments {
        let mut moments = Moments::new(2);
        moments.extend(rows).unwrap();
        moments
    }

    fn gathered(whole: &[f64], first: &[f64]) -> Gathered {
        Gathered { moments: moments(whole), first: Some(moments(first)), half: 0, rows: None }
    }

    #[test]
    fn the_floor_is_the_distance_of_the_halves() {
        let (left, right) = ([0.0, 1.0, 2.0, 5.0, 3.0, 0.0], [4.0, 1.0, 1.0, 2.0, 0.0, 7.0, 3.0, 3.0]);
        let floor = gathered(&[&left[..], &right[..]].concat(), &left).floor(false).unwrap().unwrap();
        let expected = frechet::distance(&moments(&left), &moments(&right)).unwrap();
        assert!((floor.value - expected).abs() < 1e-9 && floor.n == 3, "{floor:?} {expected}");
    }

    #[test]
    fn halves_that_carry_no_distance_have_no_floor() {
        let few = [0.0, 1.0, 2.0, 5.0];
        let both = gathered(&[few, few].concat(), &few);
        assert_eq!(both.floor(false).unwrap(), None);
        assert!(both.floor(true).unwrap().is_some());
        assert_eq!(Gathered::new(10, false).floor(true).unwrap(), None);
    }

    #[test]
    fn halves_do_not_depend_on_how_many_come_at_once() {
        let row = |number: u16| vec![f32::from(number); WIDTH as usize];
        let rows: Vec<f32> = (0..7).flat_map(row).collect();
        for at_once in [1, 2, 5, 7] {
            let mut gathered = Gathered::new(7, true);
            rows.chunks(at_once * WIDTH as usize).for_each(|some| gathered.add(some).unwrap());
            let first = gathered.first.as_ref().unwrap();
            assert_eq!((first.n(), first.mean()[0], gathered.moments.n()), (3, 1.0, 7), "{at_once} at once");
            assert_eq!(gathered.rows(), rows);
        }
    }

    #[test]
    fn a_subset_has_different_rows_and_is_drawn_the_same_again() {
        let rows: Vec<f32> = (0..20u8).map(f32::from).collect();
        let subset = drawn(&rows, 2, 10, "test", 3);
        let mut firsts: Vec<f64> = subset.iter().step_by(2).copied().collect();
        firsts.sort_by(f64::total_cmp);
        assert_eq!(firsts, (0..10u8).map(|row| f64::from(2 * row)).collect::<Vec<f64>>());
        assert_eq!((subset.clone(), subset == drawn(&rows, 2, 10, "test", 4)), (drawn(&rows, 2, 10, "test", 3), false));
    }

    #[test]
    fn distances_on_the_way_to_infinity_grow_from_a_sixth_to_all() {
        let ends = ToInfinity::new(Some(30_000)).ends;
        assert_eq!((ends.len(), ends.first(), ends.last()), (15, Some(&30_000), Some(&5_000)));
        assert!(ToInfinity::new(Some(2_048)).ends.is_empty() && ToInfinity::new(None).ends.is_empty());
        let mut path = ToInfinity { ends: vec![4, 3], points: Vec::new() };
        let reference = moments(&[0.0, 1.0, 2.0, 5.0, 3.0, 0.0]).normal().unwrap();
        for n in 2..6usize {
            path.step(&reference, &moments(&[0.0, 1.0, 2.0, 5.0, 3.0, 0.0, 1.0, 1.0, 2.0, 2.0][..2 * n])).unwrap();
        }
        assert_eq!(path.points.iter().map(|point| point.0).collect::<Vec<u64>>(), [3, 4]);
        assert!(path.points[0].1 < 1e-6);
    }
}
