//! What is on the screen and what keys do: three levels, one below the other. Pure.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::termion::event::Key;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph, Row as Cells, Table, TableState};

use super::detail::{Curve, Detail};
use super::facts::{Facts, Row, Task};
use crate::plan::Counts;
use crate::text::{or_blank, plural};

/// What a key asks for beyond the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Quit,
    LookAgain,
}

/// How deep one looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Level {
    #[default]
    Rows,
    Tasks,
    Task,
}

#[derive(Debug, Default)]
pub struct Screen {
    level: Level,
    row: usize,
    task: usize,
    curve: usize,
}

/// Lines for what Slurm says.
const MOST_WORDS: usize = 6;

impl Screen {
    fn row<'a>(&self, facts: &'a Facts) -> Option<&'a Row> {
        facts.rows.get(self.row.min(facts.rows.len().saturating_sub(1)))
    }

    fn chosen<'a>(&self, facts: &'a Facts) -> Option<&'a Task> {
        let tasks = &self.row(facts)?.tasks;
        tasks.get(self.task.min(tasks.len().saturating_sub(1)))
    }

    /// The task that is looked at closely.
    pub fn task<'a>(&self, facts: &'a Facts) -> Option<&'a Task> {
        (self.level == Level::Task).then(|| self.chosen(facts)).flatten()
    }

    pub fn press(&mut self, key: Key, facts: &Facts) -> Option<Pressed> {
        match key {
            Key::Char('q') | Key::Ctrl('c') => return Some(Pressed::Quit),
            Key::Char('r') => return Some(Pressed::LookAgain),
            Key::Up | Key::Char('k') => self.step(facts, -1),
            Key::Down | Key::Char('j') => self.step(facts, 1),
            Key::PageUp => self.step(facts, -20),
            Key::PageDown => self.step(facts, 20),
            Key::Home => self.step(facts, isize::MIN),
            Key::End => self.step(facts, isize::MAX),
            Key::Char('\t') => self.curve = self.curve.wrapping_add(1),
            Key::Char('\n') | Key::Right => self.go_down(facts),
            Key::Esc | Key::Backspace | Key::Left => match self.level {
                Level::Rows => {}
                Level::Tasks => self.level = Level::Rows,
                Level::Task => self.level = Level::Tasks,
            },
            _ => {}
        }
        None
    }

    fn go_down(&mut self, facts: &Facts) {
        match self.level {
            Level::Rows if self.row(facts).is_some() => (self.level, self.task) = (Level::Tasks, 0),
            Level::Tasks if self.chosen(facts).is_some() => (self.level, self.curve) = (Level::Task, 0),
            Level::Rows | Level::Tasks | Level::Task => {}
        }
    }

    fn step(&mut self, facts: &Facts, by: isize) {
        let to = |at: usize, count: usize| at.saturating_add_signed(by).min(count.saturating_sub(1));
        match self.level {
            Level::Rows => self.row = to(self.row, facts.rows.len()),
            // On the lowest level this shows the next task.
            Level::Tasks | Level::Task => self.task = to(self.task, self.row(facts).map_or(0, |row| row.tasks.len())),
        }
    }

    pub fn draw(&self, frame: &mut Frame<'_>, facts: &Facts, detail: Option<&Detail>) {
        let words = words(facts);
        let below = u16::try_from(words.len()).unwrap_or(0);
        let lengths = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(below), Constraint::Length(1)];
        let [top, middle, bottom, keys] = Layout::vertical(lengths).areas(frame.area());
        frame.render_widget(Line::from(self.title(facts)).style(Modifier::BOLD), top);
        match (self.level, self.row(facts), self.task(facts), detail) {
            (Level::Task, _, Some(_), Some(detail)) => self.draw_detail(frame, middle, detail),
            (Level::Tasks | Level::Task, Some(row), _, _) => self.draw_tasks(frame, middle, row),
            _ => self.draw_rows(frame, middle, facts),
        }
        frame.render_widget(Paragraph::new(words.join("\n")), bottom);
        frame.render_widget(Line::from(self.help()).style(Modifier::DIM), keys);
    }

    fn title(&self, facts: &Facts) -> String {
        let mut title = facts.sweep.clone();
        if let (Level::Tasks | Level::Task, Some(row)) = (self.level, self.row(facts)) {
            title += &format!(" › {} › {}", row.grid, row.stage);
        }
        if let Some(task) = self.task(facts) {
            title += &format!(" › {} (task {}): {}", task.params, task.id.short(8), task.standing);
        }
        title
    }

    fn help(&self) -> &'static str {
        match self.level {
            Level::Rows => "↑↓ choose  Enter tasks  r look again  q quit",
            Level::Tasks => "↑↓ choose  Enter log and curves  Esc back  r look again  q quit",
            Level::Task => "↑↓ other task  Tab other curve  Esc back  r look again  q quit",
        }
    }

    fn draw_rows(&self, frame: &mut Frame<'_>, area: Rect, facts: &Facts) {
        let left = |text: &str| Line::from(text.to_owned());
        let right = |text: String| Line::from(text).right_aligned();
        let numbers = ["tasks", "done", "running", "queued", "pending", "failed", "blocked", "cancelled"];
        let header = ["grid", "stage"].map(left).into_iter().chain(numbers.map(|name| right(name.to_owned())));
        let header = Cells::new(header.chain([left("reasons")])).style(Modifier::DIM);
        let cells = |row: &Row| {
            let Counts { done, running, queued, failed, blocked, cancelled, .. } = row.counts;
            let pending = row.counts.to_start();
            let counts = [row.counts.total(), done, running, queued, pending, failed, blocked, cancelled];
            let names = [&row.grid, &row.stage].map(|name| left(name)).into_iter();
            Cells::new(names.chain(counts.map(|count| right(or_blank(count)))).chain([left(&row.reasons)]))
        };
        let widths =
            [Constraint::Fill(2); 2].into_iter().chain([Constraint::Length(9); 8]).chain([Constraint::Fill(2)]);
        let table = Table::new(facts.rows.iter().map(cells), widths).header(header);
        draw_table(frame, area, table, self.row);
    }

    fn draw_tasks(&self, frame: &mut Frame<'_>, area: Rect, row: &Row) {
        let cells = |task: &Task| Cells::new([task.id.short(8), task.params.clone(), task.standing.clone()]);
        let widths = [Constraint::Length(9), Constraint::Fill(2), Constraint::Fill(1)];
        let header = Cells::new(["task", "parameters", "standing"]).style(Modifier::DIM);
        draw_table(frame, area, Table::new(row.tasks.iter().map(cells), widths).header(header), self.task);
    }

    fn draw_detail(&self, frame: &mut Frame<'_>, area: Rect, detail: &Detail) {
        let curve = detail.curves.get(self.curve % detail.curves.len().max(1));
        let half = if curve.is_some() { Constraint::Percentage(50) } else { Constraint::Length(0) };
        let [upper, lower] = Layout::vertical([half, Constraint::Fill(1)]).areas(area);
        if let Some(curve) = curve {
            draw_curve(frame, upper, curve);
        }
        let title = match (detail.attempt, detail.end.as_str()) {
            (0, _) => "no attempt yet".to_owned(),
            (attempt, "") => format!("attempt {attempt}"),
            (attempt, end) => format!("attempt {attempt} {end}"),
        };
        let block = Block::bordered().title(title);
        let room = usize::from(block.inner(lower).height);
        let lines: Vec<&str> = detail.log.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(room)).copied().collect::<Vec<_>>().join("\n");
        let text = if last.is_empty() { "nothing is written yet".to_owned() } else { last };
        frame.render_widget(Paragraph::new(text).block(block), lower);
    }
}

/// What stands below the table: what is wrong, and as much of what Slurm says as there is room for.
fn words(facts: &Facts) -> Vec<String> {
    let trouble = facts.trouble.iter().map(|trouble| format!("cannot look: {trouble}"));
    let mut words: Vec<String> = trouble.chain(facts.words.lines().map(str::to_owned)).collect();
    if words.len() > MOST_WORDS {
        let more = words.split_off(MOST_WORDS - 1).len();
        words.push(format!("… and {}: `sweep status` says all", plural(more, "line")));
    }
    words
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, table: Table<'_>, chosen: usize) {
    let mut state = TableState::default().with_selected(Some(chosen));
    let table = table.row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut state);
}

fn draw_curve(frame: &mut Frame<'_>, area: Rect, curve: &Curve) {
    let Curve { name, points } = curve;
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let least = points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        // A flat curve has room as well.
        if least < most { [least, most] } else { [least - 0.5, most + 0.5] }
    };
    let (steps, values) = (bounds(|point| point.0), bounds(|point| point.1));
    let axis = |bounds: [f64; 2], digits: usize| {
        Axis::default().bounds(bounds).labels(bounds.map(|bound| format!("{bound:.digits$}")))
    };
    let (step, last) = points.last().copied().unwrap_or_default();
    let title = format!("{name}: {last:.6} at step {step}");
    let data = Dataset::default().data(points).graph_type(GraphType::Line).marker(Marker::Braille);
    let chart = Chart::new(vec![data]).block(Block::bordered().title(title));
    frame.render_widget(chart.x_axis(axis(steps, 0)).y_axis(axis(values, 4)), area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::id::TaskId;

    const ENTER: Key = Key::Char('\n');

    fn facts() -> Facts {
        let task = |number: u8, standing: &str| Task {
            id: TaskId([number; 16]),
            params: format!("lr=0.{number}"),
            standing: standing.to_owned(),
            folder: "runs".into(),
        };
        let row = Row {
            grid: "main".to_owned(),
            stage: "train".to_owned(),
            counts: Counts { done: 1, running: 1, failed: 1, ..Counts::default() },
            reasons: "1 diverged".to_owned(),
            tasks: vec![task(1, "done"), task(2, "running"), task(3, "failed (diverged)")],
        };
        let words = "at Slurm: 1 task: running\n".to_owned();
        Facts { sweep: "first".to_owned(), rows: vec![row], words, ..Facts::default() }
    }

    fn shown(screen: &Screen, facts: &Facts, detail: Option<&Detail>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(120, 20)).unwrap();
        terminal.draw(|frame| screen.draw(frame, facts, detail)).unwrap();
        terminal.backend().buffer().content().iter().map(|cell| cell.symbol()).collect()
    }

    fn press(screen: &mut Screen, keys: &[Key]) -> Option<Pressed> {
        keys.iter().fold(None, |_, &key| screen.press(key, &facts()))
    }

    #[track_caller]
    fn assert_has(text: &str, words: &[&str]) {
        for words in words {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn one_goes_down_from_a_sweep_to_a_tasks_log_and_curves() {
        let mut screen = Screen::default();
        let top = shown(&screen, &facts(), None);
        assert_has(&top, &["main", "train", "1 diverged", "at Slurm: 1 task: running"]);
        press(&mut screen, &[ENTER]);
        assert_has(&shown(&screen, &facts(), None), &["first › main › train", "lr=0.2", "failed (diverged)"]);
        press(&mut screen, &[Key::Down, ENTER]);
        assert_eq!(screen.task(&facts()).map(|task| task.params.clone()), Some("lr=0.2".to_owned()));
        let curve = |name: &str| Curve { name: name.to_owned(), points: vec![(1.0, 2.0), (2.0, 1.5)] };
        let detail = Detail {
            attempt: 2,
            log: "step 3\nstep 4\n".to_owned(),
            curves: vec![curve("loss"), curve("accuracy")],
            ..Detail::default()
        };
        let task = shown(&screen, &facts(), Some(&detail));
        assert_has(&task, &["step 4", "loss: 1.500000 at step 2", "attempt 2", "first › main › train › lr=0.2"]);
        press(&mut screen, &[Key::Char('\t')]);
        assert_has(&shown(&screen, &facts(), Some(&detail)), &["accuracy: 1.5"]);
        press(&mut screen, &[Key::End]);
        assert_eq!(screen.task(&facts()).map(|task| task.standing.clone()), Some("failed (diverged)".to_owned()));
        press(&mut screen, &[Key::Esc, Key::Esc, Key::Esc]);
        assert_eq!(shown(&screen, &facts(), None), top);
    }

    #[test]
    fn what_is_wrong_stands_first_and_what_has_no_room_is_counted() {
        let words = (0..9).map(|number| format!("line {number}\n")).collect();
        let facts = Facts { words, trouble: Some("no store".to_owned()), ..facts() };
        let text = shown(&Screen::default(), &facts, None);
        assert_has(&text, &["cannot look: no store", "line 3", "… and 5 lines: `sweep status` says all", "main"]);
    }

    #[test]
    fn nothing_to_see_is_no_reason_to_fall_over() {
        let mut screen = Screen::default();
        for key in [Key::Up, Key::Down, Key::End, ENTER, Key::Char('\t'), Key::Esc] {
            screen.press(key, &Facts::default());
        }
        let mut terminal = Terminal::new(TestBackend::new(10, 3)).unwrap();
        terminal.draw(|frame| screen.draw(frame, &Facts::default(), None)).unwrap();
        press(&mut screen, &[ENTER, ENTER]);
        let flat = Curve { name: "flat".to_owned(), points: vec![(1.0, 1.0)] };
        let detail = Detail { curves: vec![flat], ..Detail::default() };
        assert_has(&shown(&screen, &facts(), Some(&detail)), &["nothing is written yet", "no attempt yet"]);
        assert_eq!(press(&mut screen, &[Key::Char('q')]), Some(Pressed::Quit));
    }
}
