//! The training of published models beside plain PyTorch: both stand ready at once and do the same work in turns, so that
//! what slows the machine down for a while slows both.

use std::fs;
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::workbench::{Workbench, read};

/// Steps of each participant that count, after some that do not.
const TURNS: usize = 20;
const WARM_UP: usize = 3;
const THREADS: &str = "2";

pub fn compare(bench: &Workbench) -> Result<()> {
    let Some(measure) = &bench.measure else {
        println!("train: left out: --measure names no program of vpit's\n");
        return Ok(());
    };
    let folder = bench.folder("train")?;
    let (model, pictures) = (folder.join("model").display().to_string(), folder.join("pictures").display().to_string());
    read(&folder, &[measure, "make", &model, THREADS])?;
    let peak = Participant::start(&[measure, "product", &model, THREADS])?.work()?.number("flops")?;
    println!("\none product of 2,048 x 2,048 matrices: {:.0} GFLOP/s on {THREADS} threads", peak / 1e9);
    let peer = bench.peers.join("train.py").display().to_string();
    let peers = |verb| [bench.python.as_str(), &peer, verb, &model, THREADS];
    for (title, own, other) in [
        ("training step, beside PyTorch with padding", "step", "padded"),
        ("training step, beside PyTorch without padding", "step", "packed"),
        ("training step that computes blocks again, beside PyTorch's checkpointing", "step-again", "packed-again"),
    ] {
        let (ours, theirs) =
            (Participant::start(&[measure, own, &model, THREADS])?, Participant::start(&peers(other))?);
        in_turns(title, ours, theirs, Some(peak))?;
    }
    read(&folder, &[&bench.python, &peer, "draw", &pictures, "1"])?;
    let ours = Participant::start(&[measure, "pictures", &pictures, "1"])?;
    let theirs = Participant::start(&[&bench.python, &peer, "pictures", &pictures, "1"])?;
    in_turns("pictures of 640 x 480 to 384 x 384, one thread, beside Pillow", ours, theirs, None)?;
    load(measure, &folder)
}

/// A program that does its work once for each line that it gets.
struct Participant {
    lines: Box<dyn Iterator<Item = std::io::Result<String>>>,
    ask: PipeWriter,
}

impl Participant {
    fn start(command: &[&str]) -> Result<Self> {
        let (stdin, ask) = std::io::pipe()?;
        let started = duct::cmd(command[0], &command[1..]).stdin_file(stdin).reader()?;
        let mut lines: Box<dyn Iterator<Item = _>> = Box::new(BufReader::new(started).lines());
        match lines.next() {
            Some(Ok(line)) if line == "ready" => Ok(Self { lines, ask }),
            _ => Err(format!("`{}` does not start", command.join(" ")).into()),
        }
    }

    fn work(&mut self) -> Result<Answer> {
        writeln!(self.ask)?;
        let line = self.lines.next().ok_or("a participant ended")??;
        Ok(Answer(serde_json::from_str(&line)?))
    }
}

/// What a participant said of one turn.
struct Answer(Value);

impl Answer {
    fn number(&self, key: &str) -> Result<f64> {
        self.0[key].as_f64().ok_or_else(|| format!("no number `{key}` in {}", self.0).into())
    }
}

/// Let both work by turns, each first in every second turn, and show the quartiles of the paired ratios.
fn in_turns(title: &str, mut ours: Participant, mut theirs: Participant, peak: Option<f64>) -> Result<()> {
    let mut pairs = Vec::new();
    for turn in 0..WARM_UP + TURNS {
        let (mine, other) = if turn % 2 == 0 {
            let mine = ours.work()?;
            (mine, theirs.work()?)
        } else {
            let other = theirs.work()?;
            (ours.work()?, other)
        };
        same_work(&mine, &other)?;
        if turn >= WARM_UP {
            pairs.push((mine, other));
        }
    }
    println!("\n{title}");
    let seconds = |answer: &Answer| answer.number("seconds");
    let each = |of: &dyn Fn(&(Answer, Answer)) -> Result<f64>| -> Result<[f64; 3]> {
        let mut values = pairs.iter().map(of).collect::<Result<Vec<f64>>>()?;
        values.sort_by(f64::total_cmp);
        Ok([1, 2, 3].map(|quarter| values[quarter * (values.len() - 1) / 4]))
    };
    let [own, other] = [each(&|(mine, _)| seconds(mine))?, each(&|(_, other)| seconds(other))?];
    let [low, middle, high] = each(&|(mine, other)| Ok(seconds(mine)? / seconds(other)?))?;
    println!(
        "  {:.0} ms and {:.0} ms; ratio {middle:.3}, quartiles {low:.3} to {high:.3}",
        own[1] * 1e3,
        other[1] * 1e3
    );
    let Some((mine, theirs)) = pairs.last() else { return Ok(()) };
    if let Ok(count) = mine.number("pictures") {
        println!("  {:.0} and {:.0} pictures a second", count / own[1], count / other[1]);
    }
    if let Some(peak) = peak {
        let work = 6.0 * mine.number("places")? * mine.number("numbers")?;
        println!("  {:.0}% of the product's speed, by six operations a place and number", 100.0 * work / own[1] / peak);
        let memory = |answer: &Answer| {
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>([answer.number("peak")?, answer.number("before")?])
        };
        let ([ours, empty], [other, bare]) = (memory(mine)?, memory(theirs)?);
        println!(
            "  peak memory {:.0} MB and {:.0} MB, ratio {:.3}; beyond the libraries {:.0} MB and {:.0} MB, ratio {:.3}",
            ours / 1e6,
            other / 1e6,
            ours / other,
            (ours - empty) / 1e6,
            (other - bare) / 1e6,
            (ours - empty) / (other - bare)
        );
    }
    Ok(())
}

/// Both have to compute the same: losses and gradient agree in every step, pictures to a level of 255.
fn same_work(mine: &Answer, other: &Answer) -> Result<()> {
    let apart = |a: f64, b: f64| (a - b).abs() / b.abs().max(1e-3);
    if let (Ok(mine), Ok(other)) = (mine.number("sum"), other.number("sum")) {
        // JPEG's decoders may differ by a level or two of 255, which stand for -1 to 1.
        let same = (mine - other).abs() < 100.0 * 2.0 / 127.5;
        return if same { Ok(()) } else { Err(format!("pictures differ: {mine}, {other}").into()) };
    }
    for loss in 0..2 {
        let [a, b] = [mine, other].map(|answer| answer.0["losses"][loss].as_f64().unwrap_or(f64::NAN));
        if apart(a, b) > 1e-3 || apart(a, b).is_nan() {
            return Err(format!("losses differ: {} and {}", mine.0, other.0).into());
        }
    }
    let (a, b) = (mine.number("norm")?, other.number("norm")?);
    if apart(a, b) < 1e-2 { Ok(()) } else { Err(format!("gradients differ: {a}, {b}").into()) }
}

/// A first step from files that nobody has read yet, beside reading them.
fn load(measure: &str, folder: &Path) -> Result<()> {
    let large = folder.join("large");
    let name = large.display().to_string();
    read(folder, &[measure, "make-large", &name, THREADS])?;
    let mut participant = Participant::start(&[measure, "load", &name, THREADS])?;
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let said = participant.work()?;
        let [bytes, alone, seconds, built] =
            [said.number("bytes")?, said.number("read")?, said.number("seconds")?, said.number("built")?];
        println!(
            "  {:.1} GB: read in {alone:.2} s; first step of stage 1 after {seconds:.2} s, of which loading {built:.2} s",
            bytes / 1e9
        );
        ratios.push(seconds / alone);
    }
    ratios.sort_by(f64::total_cmp);
    println!("first step from the disk, beside reading the same files: ratio {:.2}", ratios[ratios.len() / 2]);
    Ok(fs::remove_dir_all(large)?)
}
