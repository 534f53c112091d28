//! A part of a model as one flat tensor of which each process keeps an equal share: values, gradient and AdamW's moments
//! (ZeRO-3, Rajbhandari et al. 2020). The whole part is gathered only while it is computed with.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::model::Parameters;
use crate::native::{AdamW, Coming, Error, Group};

/// Tensors begin at multiples of this many numbers, which suits vector instructions.
const ALIGNMENT: i64 = 16;

/// The tensors of a part by name, for one computation; they share one flat tensor.
pub type Leaves = BTreeMap<String, Tensor>;

/// One process's share of a part.
#[derive(Debug)]
pub struct Shard {
    places: Vec<Place>,
    /// Numbers of the whole part with its gaps, a multiple of the number of processes.
    length: i64,
    /// `[share]`: f32 if the part learns, otherwise in the type that is computed in.
    values: Tensor,
    learning: Option<Learning>,
}

/// Where a tensor lies in the flat one.
#[derive(Debug)]
struct Place {
    name: String,
    shape: Vec<i64>,
    start: i64,
    numbers: i64,
}

/// Of a part that learns, all f32 `[share]`.
#[derive(Debug)]
struct Learning {
    moments: [Tensor; 2],
    gradient: Gradient,
}

/// Added up over the micro-batches of a step.
#[derive(Debug)]
enum Gradient {
    Nothing,
    /// Of one process alone: tensor by tensor as the backward pass left them, none where it left none.
    Whole(Vec<Option<Tensor>>),
    /// `[share]`.
    Share(Tensor),
}

/// What is stored of a part, `[share]` each: values and moments.
#[derive(Debug)]
pub struct Stored {
    pub values: Tensor,
    pub moments: [Tensor; 2],
}

impl Shard {
    /// Keep this process's share of `parameters`; where they do not learn they are kept as `kind`.
    #[must_use]
    pub fn new(parameters: Parameters, learns: bool, kind: Kind, group: &Group) -> Self {
        let (mut places, mut length) = (Vec::new(), 0);
        let named = parameters.into_named();
        for (name, tensor) in &named {
            let numbers = tensor.numel() as i64;
            places.push(Place { name: name.clone(), shape: tensor.size(), start: length, numbers });
            length = up_to_multiple(length + numbers, ALIGNMENT);
        }
        let length = up_to_multiple(length, ALIGNMENT * i64::from(group.size()));
        let device = named.values().next().map_or(Device::Cpu, Tensor::device);
        let whole = Tensor::zeros([length], (if learns { Kind::Float } else { kind }, device));
        for (place, tensor) in places.iter().zip(named.values()) {
            whole.narrow(0, place.start, place.numbers).copy_(&tensor.detach().flatten(0, -1));
        }
        let share = length / i64::from(group.size());
        let values = whole.narrow(0, share * i64::from(group.rank()), share).copy();
        let zeros = || Tensor::zeros([share], (Kind::Float, device));
        let learning = learns.then(|| Learning { moments: [zeros(), zeros()], gradient: Gradient::Nothing });
        Self { places, length, values, learning }
    }

    /// Whether the part learns.
    #[must_use]
    pub const fn learns(&self) -> bool {
        self.learning.is_some()
    }

    /// Numbers of the whole part, without gaps.
    #[must_use]
    pub fn numbers(&self) -> i64 {
        self.places.iter().map(|place| place.numbers).sum()
    }

    /// Numbers of each tensor by name.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, i64)> {
        self.places.iter().map(|place| (place.name.as_str(), place.numbers))
    }

    /// Begin to gather the whole part in the type `kind`, while something else is computed.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn call(&self, group: &Group, kind: Kind) -> Result<Coming, Error> {
        tch::no_grad(|| group.call(&self.values.to_kind(kind)))
    }

    /// The whole part in the type `kind`. Leaves of a graph if the part learns.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn gather(&self, group: &Group, kind: Kind) -> Result<Leaves, Error> {
        self.receive(self.call(group, kind)?)
    }

    /// The whole part, once it has come.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn receive(&self, coming: Coming) -> Result<Leaves, Error> {
        let whole = tch::no_grad(|| coming.wait())?;
        let leaf = |place: &Place| {
            let tensor = whole.narrow(0, place.start, place.numbers).view(place.shape.as_slice()).detach();
            (place.name.clone(), tensor.set_requires_grad(self.learns()))
        };
        Ok(self.places.iter().map(leaf).collect())
    }

    /// Add the gradients of `leaves`, summed over all processes, to this share's.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn collect(&mut self, group: &Group, leaves: &Leaves) -> Result<(), Error> {
        let Some(learning) = &mut self.learning else { return Ok(()) };
        let gradient = |place: &Place| {
            let gradient = leaves.get(&place.name).map(Tensor::grad).filter(Tensor::defined);
            gradient.map(|gradient| gradient.to_kind(Kind::Float).flatten(0, -1))
        };
        if group.size() == 1 {
            let found: Vec<Option<Tensor>> = self.places.iter().map(gradient).collect();
            learning.gradient = match std::mem::replace(&mut learning.gradient, Gradient::Nothing) {
                Gradient::Whole(before) => Gradient::Whole(before.into_iter().zip(found).map(added).collect()),
                Gradient::Nothing | Gradient::Share(_) => Gradient::Whole(found),
            };
            return Ok(());
        }
        let ends = self.places.iter().skip(1).map(|place| place.start).chain([self.length]);
        let options = (Kind::Float, self.values.device());
        let mut pieces = Vec::with_capacity(2 * self.places.len());
        for (place, end) in self.places.iter().zip(ends) {
            pieces.push(gradient(place).unwrap_or_else(|| Tensor::zeros([place.numbers], options)));
            pieces.push(Tensor::zeros([end - place.start - place.numbers], options));
        }
        let share = group.scatter(Tensor::cat(&pieces, 0))?;
        learning.gradient = Gradient::Share(match std::mem::replace(&mut learning.gradient, Gradient::Nothing) {
            Gradient::Share(before) => before + share,
            Gradient::Nothing | Gradient::Whole(_) => share,
        });
        Ok(())
    }

    /// The sum of the squares of this share's gradient.
    #[must_use]
    pub fn square(&self) -> f64 {
        let square = |gradient: &Tensor| gradient.dot(gradient).double_value(&[]);
        match self.learning.as_ref().map(|learning| &learning.gradient) {
            Some(Gradient::Whole(gradients)) => gradients.iter().flatten().map(square).sum(),
            Some(Gradient::Share(gradient)) => square(gradient),
            Some(Gradient::Nothing) | None => 0.0,
        }
    }

    /// Update the values along the gradient times `scale`, and forget it.
    ///
    /// # Errors
    /// libtorch refuses.
    pub fn descend(&mut self, update: AdamW, scale: f64) -> Result<(), Error> {
        let Some(learning) = &mut self.learning else { return Ok(()) };
        let [first, second] = &learning.moments;
        let step = |place: Option<&Place>, mut gradient: Tensor| {
            if scale < 1.0 {
                let _ = gradient.g_mul_scalar_(scale);
            }
            let part = |whole: &Tensor| match place {
                Some(place) => whole.narrow(0, place.start, place.numbers),
                None => whole.shallow_clone(),
            };
            update.update(&part(&self.values), &gradient, [&part(first), &part(second)])
        };
        match std::mem::replace(&mut learning.gradient, Gradient::Nothing) {
            Gradient::Nothing => Ok(()),
            Gradient::Share(gradient) => step(None, gradient),
            Gradient::Whole(gradients) => self.places.iter().zip(gradients).try_for_each(|(place, gradient)| {
                // Moments of what had no part in this step fade, as where its gradient was zero.
                let zeros = || Tensor::zeros([place.numbers], (Kind::Float, self.values.device()));
                step(Some(place), gradient.unwrap_or_else(zeros))
            }),
        }
    }

    /// What a checkpoint keeps, if the part learns.
    #[must_use]
    pub fn stored(&self) -> Option<Stored> {
        let learning = self.learning.as_ref()?;
        let moments = [0, 1].map(|i| learning.moments[i].shallow_clone());
        Some(Stored { values: self.values.shallow_clone(), moments })
    }

    /// Take over what `stored` finds of this share, for places `from..to` of the whole part's `length` numbers.
    ///
    /// # Errors
    /// As `stored`'s.
    pub fn restore<E>(&mut self, group: &Group, stored: impl FnOnce(i64, i64) -> Result<Stored, E>) -> Result<(), E> {
        let Some(learning) = &mut self.learning else { return Ok(()) };
        let share = self.length / i64::from(group.size());
        let Stored { values, moments } = stored(share * i64::from(group.rank()), share)?;
        self.values.copy_(&values);
        for (mine, stored) in learning.moments.iter_mut().zip(&moments) {
            mine.copy_(stored);
        }
        Ok(())
    }
}

fn added(gradients: (Option<Tensor>, Option<Tensor>)) -> Option<Tensor> {
    match gradients {
        (Some(mut before), Some(here)) => Some(before.g_add_(&here)),
        (before, here) => before.or(here),
    }
}

const fn up_to_multiple(number: i64, of: i64) -> i64 {
    (number + of - 1) / of * of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> Shard {
        let named = [("a", [2i64, 3].as_slice()), ("b", &[5])].map(|(name, shape)| {
            let count: i64 = shape.iter().product();
            (name.to_owned(), Tensor::arange(count, (Kind::Float, Device::Cpu)).view(shape))
        });
        Shard::new(BTreeMap::from(named).into(), true, Kind::Float, &Group::alone())
    }

    #[test]
    fn a_part_comes_out_as_it_went_in() {
        let leaves = shard().gather(&Group::alone(), Kind::Float).unwrap();
        assert_eq!((leaves["a"].size(), leaves["b"].size()), (vec![2, 3], vec![5]));
        assert_eq!((leaves["a"].double_value(&[1, 2]), leaves["b"].double_value(&[4])), (5.0, 4.0));
    }

    #[test]
    fn gradients_add_up_and_what_has_none_stays() {
        let mut shard = shard();
        for _ in 0..2 {
            let leaves = shard.gather(&Group::alone(), Kind::Float).unwrap();
            (&leaves["b"] * 3.0).sum(Kind::Float).backward();
            shard.collect(&Group::alone(), &leaves).unwrap();
        }
        assert!((shard.square() - 5.0 * 36.0).abs() < 1e-4);
        shard.descend(AdamW { step: 1, rate: 0.5, weight_decay: 0.0, epsilon: 1e-8 }, 1.0).unwrap();
        let leaves = shard.gather(&Group::alone(), Kind::Float).unwrap();
        assert_eq!(leaves["a"].double_value(&[1, 2]), 5.0);
        // The first step of Adam is as long as the rate.
        assert!((leaves["b"].double_value(&[4]) - 3.5).abs() < 1e-6);
    }
}
