//! Which task is started next: dependencies, order and slots. Pure; the launcher's threads share one behind a lock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Place in the order of starts; the smallest goes first.
pub type Rank = (u32, u32, u32);

/// A task as the board sees it; tasks are named by their position.
#[derive(Debug, Clone)]
pub struct Item {
    pub rank: Rank,
    /// Tasks that must succeed first.
    pub needs: Vec<usize>,
    pub threads: u32,
    pub gpus: u32,
    /// How often it may be started.
    pub attempts: u32,
}

/// What the machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    pub threads: u32,
    /// Names of devices.
    pub gpus: Vec<String>,
}

/// A task that may start now, and the slots that it holds until [`Board::release`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub task: usize,
    threads: u32,
    pub gpus: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Number of needs that have not succeeded.
    Waiting(usize),
    Ready,
    Started,
    Over,
}

/// The state of all tasks of one submission.
#[derive(Debug)]
pub struct Board {
    items: Vec<Item>,
    states: Vec<State>,
    dependents: Vec<Vec<usize>>,
    ready: BinaryHeap<Reverse<(Rank, usize)>>,
    total: u32,
    free: Slots,
    started: usize,
}

impl Board {
    /// All tasks wait for what they need.
    #[must_use]
    pub fn new(items: Vec<Item>, slots: Slots) -> Self {
        let mut dependents = vec![Vec::new(); items.len()];
        for (task, item) in items.iter().enumerate() {
            for &need in &item.needs {
                dependents[need].push(task);
            }
        }
        let states: Vec<_> = items.iter().map(|item| State::Waiting(item.needs.len())).collect();
        let total = slots.threads.max(1);
        let free = Slots { threads: total, ..slots };
        let mut board = Self { items, states, dependents, ready: BinaryHeap::new(), total, free, started: 0 };
        (0..board.items.len()).for_each(|task| board.make_ready(task));
        board
    }

    /// The next task that may start, with its slots taken.
    ///
    /// A task that finds too few devices lets others pass; one that finds too few threads does not, or a task that
    /// needs many of them would wait for ever behind those that need one.
    pub fn start_next(&mut self) -> Option<Start> {
        let mut passed = Vec::new();
        let mut found = None;
        while let Some(Reverse((rank, task))) = self.ready.pop() {
            let (threads, gpus) = (self.threads_of(task), self.items[task].gpus as usize);
            if threads > self.free.threads {
                passed.push(Reverse((rank, task)));
                break;
            }
            if gpus > self.free.gpus.len() {
                passed.push(Reverse((rank, task)));
                continue;
            }
            self.free.threads -= threads;
            let gpus = self.free.gpus.drain(..gpus).collect();
            found = Some(Start { task, threads, gpus });
            break;
        }
        self.ready.extend(passed);
        if let Some(start) = &found {
            self.states[start.task] = State::Started;
            self.started += 1;
        }
        found
    }

    /// Give back the slots of a task that has ended.
    pub fn release(&mut self, start: Start) {
        self.free.threads += start.threads;
        self.free.gpus.extend(start.gpus);
        self.free.gpus.sort_unstable();
    }

    /// A started task has succeeded: what waited for it alone becomes ready.
    pub fn succeed(&mut self, task: usize) {
        self.end(task);
        for dependent in std::mem::take(&mut self.dependents[task]) {
            if let State::Waiting(needs) = &mut self.states[dependent] {
                *needs -= 1;
                self.make_ready(dependent);
            }
        }
    }

    /// A started task has failed in a way that another attempt may not; whether it gets one.
    pub fn retry(&mut self, task: usize) -> bool {
        let item = &mut self.items[task];
        item.attempts = item.attempts.saturating_sub(1);
        if item.attempts == 0 {
            return false;
        }
        self.end(task);
        self.states[task] = State::Waiting(0);
        self.make_ready(task);
        true
    }

    /// A started task is given up: nothing that needs it will start. Returns those tasks.
    pub fn give_up(&mut self, task: usize) -> Vec<usize> {
        self.end(task);
        let (mut blocked, mut next) = (Vec::new(), vec![task]);
        while let Some(task) = next.pop() {
            for dependent in std::mem::take(&mut self.dependents[task]) {
                if matches!(self.states[dependent], State::Waiting(_)) {
                    self.states[dependent] = State::Over;
                    blocked.push(dependent);
                    next.push(dependent);
                }
            }
        }
        blocked
    }

    /// Whether nothing runs and nothing can start any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.started == 0 && self.ready.is_empty()
    }

    /// A task never asks for more threads than there are: it then has the machine to itself.
    fn threads_of(&self, task: usize) -> u32 {
        self.items[task].threads.clamp(1, self.total)
    }

    fn make_ready(&mut self, task: usize) {
        if self.states[task] == State::Waiting(0) {
            self.states[task] = State::Ready;
            self.ready.push(Reverse((self.items[task].rank, task)));
        }
    }

    fn end(&mut self, task: usize) {
        if self.states[task] == State::Started {
            self.states[task] = State::Over;
            self.started -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(rank: u32, needs: &[usize], threads: u32, gpus: u32) -> Item {
        Item { rank: (rank, 0, 0), needs: needs.to_vec(), threads, gpus, attempts: 1 }
    }

    fn slots(threads: u32, gpus: &[&str]) -> Slots {
        Slots { threads, gpus: gpus.iter().map(ToString::to_string).collect() }
    }

    fn started(board: &mut Board) -> Vec<usize> {
        std::iter::from_fn(|| board.start_next()).map(|start| start.task).collect()
    }

    #[test]
    fn tasks_start_in_order_when_what_they_need_has_succeeded() {
        let items = vec![item(5, &[], 1, 0), item(0, &[0], 1, 0), item(1, &[], 1, 0), item(0, &[1, 2], 1, 0)];
        let mut board = Board::new(items, slots(9, &[]));
        assert_eq!(started(&mut board), [2, 0]);
        board.succeed(2);
        assert!(started(&mut board).is_empty());
        board.succeed(0);
        assert_eq!(started(&mut board), [1]);
        board.succeed(1);
        assert_eq!(started(&mut board), [3]);
    }

    #[test]
    fn a_failure_stops_its_own_descendants_only() {
        let items =
            vec![item(0, &[], 1, 0), item(0, &[], 1, 0), item(0, &[0], 1, 0), item(0, &[2], 1, 0), item(0, &[1], 1, 0)];
        let mut board = Board::new(items, slots(9, &[]));
        assert_eq!(started(&mut board), [0, 1]);
        assert_eq!(board.give_up(0), [2, 3]);
        board.succeed(1);
        assert_eq!(started(&mut board), [4]);
        assert!(!board.is_over());
        board.succeed(4);
        assert!(board.is_over());
    }

    #[test]
    fn a_task_with_many_threads_is_not_starved_and_one_with_too_many_gets_all() {
        let items = vec![item(0, &[], 1, 0), item(1, &[], 64, 0), item(2, &[], 1, 0)];
        let mut board = Board::new(items, slots(2, &[]));
        let first = board.start_next().unwrap();
        assert_eq!(
            (first.task, board.start_next()),
            (0, None),
            "the second waits for all threads, the third for the second"
        );
        board.release(first);
        board.succeed(0);
        let second = board.start_next().unwrap();
        assert_eq!((second.task, board.start_next()), (1, None));
        board.release(second);
        board.succeed(1);
        assert_eq!(started(&mut board), [2]);
    }

    #[test]
    fn devices_are_handed_out_once_and_do_not_hold_up_the_rest() {
        let items = vec![item(0, &[], 1, 2), item(1, &[], 1, 1), item(2, &[], 1, 0)];
        let mut board = Board::new(items, slots(9, &["0", "1"]));
        let first = board.start_next().unwrap();
        assert_eq!((first.task, &first.gpus[..]), (0, &["0".to_owned(), "1".to_owned()][..]));
        assert_eq!(started(&mut board), [2]);
        board.release(first);
        assert_eq!(board.start_next().unwrap().gpus, ["0"]);
    }

    #[test]
    fn attempts_are_bounded() {
        let mut board = Board::new(vec![Item { attempts: 3, ..item(0, &[], 1, 0) }], slots(1, &[]));
        for again in [true, true, false] {
            let start = board.start_next().unwrap();
            board.release(start);
            assert_eq!(board.retry(0), again);
        }
        board.give_up(0);
        assert!(board.is_over());
    }

    proptest! {
        /// Whatever fails, every task is started, blocked or both never, and slots are never overdrawn.
        #[test]
        fn every_task_ends_up_started_or_blocked(
            shapes in prop::collection::vec((0u32..4, 1u32..4, 0u32..3, any::<bool>(), any::<prop::sample::Index>()), 1..40)
        ) {
            let items: Vec<_> = shapes.iter().enumerate().map(|(task, &(rank, threads, gpus, _, need))| {
                let needs = if task == 0 { vec![] } else { vec![need.index(task)] };
                Item { needs, ..item(rank, &[], threads, gpus) }
            }).collect();
            let mut board = Board::new(items, slots(3, &["0", "1"]));
            let (mut running, mut blocked, mut begun) = (Vec::new(), 0, 0);
            while !board.is_over() {
                while let Some(start) = board.start_next() {
                    begun += 1;
                    running.push(start);
                }
                prop_assert!(running.iter().map(|start| start.threads).sum::<u32>() <= 3);
                let start = running.remove(0);
                let task = start.task;
                board.release(start);
                if shapes[task].3 { board.succeed(task) } else { blocked += board.give_up(task).len() }
            }
            prop_assert_eq!(begun + blocked, shapes.len());
        }
    }
}
