//! Which tasks share an array, and what each array waits for.
//!
//! One array a stage and request is the aim: the scheduler sees an array as one line of its queue, and one `sbatch` makes
//! it. Where each element waits for the element of the same number (`aftercorr`), a chain of stages is one array each.
//! Elsewhere, tasks that wait for the same elements share an array that waits for those (`afterok`), so that a failed or
//! slow task delays its own descendants only.

use std::collections::{BTreeMap, BTreeSet};

/// What each element of an array asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    pub nodes: u32,
    /// On each node.
    pub gpus: u32,
    /// How often the command is started on each node; `None` is once in all.
    pub processes: Option<u32>,
    /// Of each process.
    pub threads: u32,
    /// On each node.
    pub memory_bytes: Option<u64>,
    pub time_seconds: Option<u64>,
    /// How long before its time limit it is to be asked to save its state, at least.
    pub lead_seconds: u64,
}

/// A task to be submitted. Tasks are named by their position in the list.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// Stages are numbered so that each stands after those that it needs.
    pub stage: usize,
    pub request: Request,
    /// The smallest goes first.
    pub rank: (u32, u32, u32),
    /// What it needs and is not there yet.
    pub needs: Vec<Need>,
    /// How long it is expected to take.
    pub seconds: Option<u64>,
}

/// Something that has to succeed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// An earlier item of the list.
    Item(usize),
    /// An element of an array that is in the queue.
    Element { job: u64, index: u32 },
}

/// What bounds arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements of an array.
    pub largest_array: u32,
    /// Elements that may still be submitted.
    pub room: usize,
    /// Tasks that share an element.
    pub pack: usize,
    /// Seconds that tasks which share an element are expected to take together.
    pub pack_seconds: Option<u64>,
}

/// One `sbatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    pub stage: usize,
    pub request: Request,
    pub elements: Vec<Element>,
    pub after: Vec<After>,
}

/// Tasks that share an allocation, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub index: u32,
    pub items: Vec<usize>,
}

/// What an array waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum After {
    /// Each element for the one of the same number.
    Corresponding(Source),
    /// All of it for these elements.
    Elements(Source, Vec<u32>),
}

/// An array that others wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// By its position in [`Layout::arrays`].
    Array(usize),
    /// In the queue already.
    Job(u64),
}

/// What is to be submitted, upstream first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    pub arrays: Vec<Array>,
    /// Items that the limits leave for later, with all that needs them.
    pub left: Vec<usize>,
}

/// The elements that a task waits for.
type Key = BTreeSet<(Source, u32)>;

/// Cut `items` into arrays.
#[must_use]
pub fn lay_out(items: &[Item], limits: &Limits) -> Layout {
    let mut layout = Layout::default();
    let mut places: Vec<Option<(Source, u32)>> = vec![None; items.len()];
    let mut room = limits.room;
    let mut groups: BTreeMap<(usize, &Request), Vec<usize>> = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        groups.entry((item.stage, &item.request)).or_default().push(position);
    }
    for ((stage, request), mut group) in groups {
        group.sort_by_key(|&item| (items[item].rank, item));
        let mut keys: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for item in group {
            match key(&items[item], &places) {
                Some(key) => keys.entry(key).or_default().push(item),
                None => layout.left.push(item),
            }
        }
        let pack = |members: &[usize]| limits.pack_of(members.iter().filter_map(|&item| items[item].seconds).max());
        for (after, elements) in share(keys, pack) {
            for chunk in chunks(elements, limits.largest_array, matches!(after[..], [After::Corresponding(_), ..])) {
                let (now, later) = split(chunk, &mut room);
                layout.left.extend(later.into_iter().flat_map(|element| element.items));
                if now.is_empty() {
                    continue;
                }
                let source = Source::Array(layout.arrays.len());
                for element in &now {
                    element.items.iter().for_each(|&item| places[item] = Some((source, element.index)));
                }
                let longest = now.iter().map(|element| element.items.len()).max().unwrap_or(1);
                let request = request.for_tasks(longest);
                layout.arrays.push(Array { stage, request, elements: now, after: after.clone() });
            }
        }
    }
    layout.left.sort_unstable();
    layout
}

impl Request {
    /// Time enough for `count` tasks, one after the other.
    fn for_tasks(&self, count: usize) -> Self {
        let time = |seconds: u64| seconds.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX));
        Self { time_seconds: self.time_seconds.map(time), ..self.clone() }
    }
}

impl Limits {
    /// Number of tasks in an element, of tasks that take `seconds` each.
    fn pack_of(&self, seconds: Option<u64>) -> usize {
        let by_time = self.pack_seconds.zip(seconds).map_or(1, |(all, one)| all / one.max(1));
        self.pack.max(usize::try_from(by_time).unwrap_or(usize::MAX)).max(1)
    }
}

/// What `item` waits for; `None` if that is left for later.
fn key(item: &Item, places: &[Option<(Source, u32)>]) -> Option<Key> {
    let place = |need: &Need| match *need {
        Need::Item(upstream) => places.get(upstream).copied().flatten(),
        Need::Element { job, index } => Some((Source::Job(job), index)),
    };
    item.needs.iter().map(place).collect()
}

/// The arrays of one stage and request, not yet cut to size: what each waits for, and its elements.
fn share(keys: BTreeMap<Key, Vec<usize>>, pack: impl Fn(&[usize]) -> usize) -> Vec<(Vec<After>, Vec<Element>)> {
    let mut arrays = Vec::new();
    // By the arrays that they wait for: (number of the elements, the elements of each key).
    let mut alike: BTreeMap<Vec<Source>, BTreeMap<u32, Vec<Vec<usize>>>> = BTreeMap::new();
    for (key, members) in keys {
        let size = pack(&members);
        let packed: Vec<Vec<usize>> = members.chunks(size).map(<[usize]>::to_vec).collect();
        match (key.first(), key.iter().all(|(_, index)| key.first().is_some_and(|(_, first)| first == index))) {
            (Some(&(_, index)), true) => {
                let sources = key.iter().map(|&(source, _)| source).collect();
                alike.entry(sources).or_default().insert(index, packed);
            }
            _ => arrays.push((for_all(&key), numbered(packed))),
        }
    }
    for (sources, elements) in alike {
        let most = elements.values().map(Vec::len).max().unwrap_or(0);
        if elements.len() <= most {
            // Many wait for few: an array for each of the few.
            for (index, packed) in elements {
                let key: Key = sources.iter().map(|&source| (source, index)).collect();
                arrays.push((for_all(&key), numbered(packed)));
            }
            continue;
        }
        let after: Vec<After> = sources.into_iter().map(After::Corresponding).collect();
        for number in 0..most {
            let nth = elements
                .iter()
                .filter_map(|(&index, packed)| packed.get(number).map(|items| Element { index, items: items.clone() }));
            arrays.push((after.clone(), nth.collect()));
        }
    }
    arrays
}

fn for_all(key: &Key) -> Vec<After> {
    let mut by_source: BTreeMap<Source, Vec<u32>> = BTreeMap::new();
    key.iter().for_each(|&(source, index)| by_source.entry(source).or_default().push(index));
    by_source.into_iter().map(|(source, indices)| After::Elements(source, indices)).collect()
}

fn numbered(packed: Vec<Vec<usize>>) -> Vec<Element> {
    (0..).zip(packed).map(|(index, items)| Element { index, items }).collect()
}

/// Arrays of at most `largest` elements. Numbers start at 0 in each, since the site's limit is on the largest one; those
/// that correspond to an upstream array keep the numbers that they have there.
fn chunks(elements: Vec<Element>, largest: u32, corresponding: bool) -> Vec<Vec<Element>> {
    if corresponding {
        return vec![elements];
    }
    let renumber = |chunk: &[Element]| numbered(chunk.iter().map(|element| element.items.clone()).collect());
    elements.chunks(largest.max(1) as usize).map(renumber).collect()
}

/// As many elements as there is room for, and the others.
fn split(mut elements: Vec<Element>, room: &mut usize) -> (Vec<Element>, Vec<Element>) {
    let later = elements.split_off(elements.len().min(*room));
    *room -= elements.len();
    (elements, later)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { largest_array: 1000, room: usize::MAX, pack: 1, pack_seconds: None };

    fn item(stage: usize, needs: &[usize]) -> Item {
        Item { stage, needs: needs.iter().copied().map(Need::Item).collect(), ..Item::default() }
    }

    /// Indices with their items.
    type Shown = Vec<(u32, Vec<usize>)>;

    /// (stage, elements, what it waits for) of each array.
    fn shown(layout: &Layout) -> Vec<(usize, Shown, Vec<After>)> {
        let elements = |array: &Array| array.elements.iter().map(|one| (one.index, one.items.clone())).collect();
        layout.arrays.iter().map(|array| (array.stage, elements(array), array.after.clone())).collect()
    }

    #[test]
    fn a_chain_is_one_array_a_stage() {
        let items: Vec<Item> = (0..3)
            .map(|_| item(0, &[]))
            .chain((0..3).map(|n| item(1, &[n])))
            .chain((0..3).map(|n| item(2, &[n, n + 3])))
            .collect();
        let layout = lay_out(&items, &LIMITS);
        let corresponding = |arrays: &[usize]| -> Vec<After> {
            arrays.iter().map(|&array| After::Corresponding(Source::Array(array))).collect()
        };
        let elements = |first: usize| (0..3).map(|n| (n as u32, vec![first + n as usize])).collect::<Vec<_>>();
        assert_eq!(
            shown(&layout),
            [(0, elements(0), vec![]), (1, elements(3), corresponding(&[0])), (2, elements(6), corresponding(&[0, 1])),]
        );
    }

    #[test]
    fn many_that_wait_for_one_share_an_array() {
        let items: Vec<Item> = (0..2).map(|_| item(0, &[])).chain((0..6).map(|n| item(1, &[n % 2]))).collect();
        let layout = lay_out(&items, &LIMITS);
        let after = |index| vec![After::Elements(Source::Array(0), vec![index])];
        assert_eq!(
            shown(&layout)[1..],
            [
                (1, vec![(0, vec![2]), (1, vec![4]), (2, vec![6])], after(0)),
                (1, vec![(0, vec![3]), (1, vec![5]), (2, vec![7])], after(1)),
            ]
        );
    }

    #[test]
    fn few_that_wait_for_each_of_many_are_few_arrays() {
        let items: Vec<Item> = (0..100).map(|_| item(0, &[])).chain((0..300).map(|n| item(1, &[n / 3]))).collect();
        let layout = lay_out(&items, &LIMITS);
        assert_eq!(layout.arrays.len(), 4);
        assert!(layout.arrays[1..].iter().all(|array| array.after == [After::Corresponding(Source::Array(0))]));
    }

    #[test]
    fn arrays_are_cut_at_the_largest_index_and_numbered_from_nought() {
        let items: Vec<Item> = (0..25).map(|_| item(0, &[])).collect();
        let layout = lay_out(&items, &Limits { largest_array: 10, ..LIMITS });
        let sizes: Vec<_> = layout.arrays.iter().map(|array| array.elements.len()).collect();
        assert_eq!(sizes, [10, 10, 5]);
        assert!(layout.arrays.iter().all(|array| array.elements[0].index == 0));
    }

    #[test]
    fn what_finds_no_room_is_left_with_what_needs_it() {
        let items: Vec<Item> = (0..3).map(|_| item(0, &[])).chain((0..3).map(|n| item(1, &[n]))).collect();
        let layout = lay_out(&items, &Limits { room: 2, ..LIMITS });
        assert_eq!((layout.arrays.len(), &layout.left[..]), (1, &[2, 3, 4, 5][..]));
        let layout = lay_out(&items, &Limits { room: 4, ..LIMITS });
        assert_eq!(layout.left, [4, 5]);
    }

    #[test]
    fn short_tasks_share_an_allocation_by_number_or_by_time() {
        let items: Vec<Item> = (0..10).map(|_| Item { seconds: Some(20), ..item(0, &[]) }).collect();
        let by_number = lay_out(&items, &Limits { pack: 4, ..LIMITS });
        let by_time = lay_out(&items, &Limits { pack_seconds: Some(60), ..LIMITS });
        let sizes =
            |layout: &Layout| layout.arrays[0].elements.iter().map(|element| element.items.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&by_number), [4, 4, 2]);
        assert_eq!(sizes(&by_time), [3, 3, 3, 1]);
    }

    #[test]
    fn an_allocation_has_time_for_all_its_tasks() {
        let request = Request { time_seconds: Some(60), ..Request::default() };
        let items: Vec<Item> = (0..5).map(|_| Item { request: request.clone(), ..item(0, &[]) }).collect();
        let layout = lay_out(&items, &Limits { pack: 3, ..LIMITS });
        assert_eq!(layout.arrays[0].request.time_seconds, Some(180));
    }

    #[test]
    fn what_waits_for_a_job_in_the_queue_names_it() {
        let waiting = Item { needs: vec![Need::Element { job: 12, index: 3 }], ..Item::default() };
        let layout = lay_out(&[waiting], &LIMITS);
        assert_eq!(layout.arrays[0].after, [After::Elements(Source::Job(12), vec![3])]);
    }

    proptest! {
        /// Every item is in one element or left, numbers fit, nothing waits for less than it needs nor for a later array.
        #[test]
        fn every_task_is_somewhere_once_and_waits_for_what_it_needs(
            shapes in prop::collection::vec((0usize..3, 0u32..2, prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..60),
            largest in 1u32..9, room in 0usize..80, pack in 1usize..4,
        ) {
            let mut items: Vec<Item> = Vec::new();
            let mut shapes = shapes;
            shapes.sort_by_key(|shape| shape.0);
            for (stage, gpus, needs) in &shapes {
                let earlier: Vec<usize> = (0..items.len()).filter(|&item| items[item].stage < *stage).collect();
                let mut needs: Vec<usize> =
                    if earlier.is_empty() { vec![] } else { needs.iter().map(|need| earlier[need.index(earlier.len())]).collect() };
                needs.sort_unstable();
                needs.dedup();
                let request = Request { gpus: *gpus, ..Request::default() };
                items.push(Item { request, ..item(*stage, &needs) });
            }
            let layout = lay_out(&items, &Limits { largest_array: largest, room, pack, pack_seconds: None });
            let mut place = vec![None; items.len()];
            for (number, array) in layout.arrays.iter().enumerate() {
                let indices: Vec<u32> = array.elements.iter().map(|element| element.index).collect();
                prop_assert!(indices.is_sorted_by(|a, b| a < b));
                prop_assert!(indices.iter().all(|&index| index < largest));
                for element in &array.elements {
                    prop_assert!(element.items.len() <= pack);
                    for &item in &element.items {
                        prop_assert_eq!(items[item].stage, array.stage);
                        prop_assert!(place[item].replace((number, element.index)).is_none());
                    }
                }
            }
            prop_assert!(layout.arrays.iter().map(|array| array.elements.len()).sum::<usize>() <= room);
            for (item, place_of) in place.iter().enumerate() {
                prop_assert_eq!(place_of.is_none(), layout.left.contains(&item));
                let Some((number, index)) = place_of else { continue };
                for need in &items[item].needs {
                    let Need::Item(need) = *need else { unreachable!() };
                    let (upstream, at) = place[need].expect("what is needed is submitted as well");
                    prop_assert!(upstream < *number);
                    let waits = layout.arrays[*number].after.iter().any(|after| match after {
                        After::Corresponding(Source::Array(array)) => *array == upstream && at == *index,
                        After::Elements(Source::Array(array), indices) => *array == upstream && indices.contains(&at),
                        _ => false,
                    });
                    prop_assert!(waits);
                }
            }
        }
    }
}
