//! What a training tells of itself while it runs: losses, rates, throughput, memory, and how far it is from the machine's
//! peak.

use std::path::Path;
use std::time::Instant;

use runfile::series;

/// What one step did, over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    pub text_loss: f64,
    pub vision_loss: f64,
    /// With the visual term weighed.
    pub loss: f64,
    pub rate: f64,
    /// Of the gradient.
    pub norm: f64,
    /// Places of sequences, without padding.
    pub tokens: f64,
    pub images: f64,
    /// Floating-point operations that the step is made of, without what is computed twice.
    pub flops: f64,
    /// Samples left out since the training began.
    pub broken: f64,
}

/// Writes the time series, on one process.
#[derive(Debug)]
pub struct Report {
    series: series::Writer,
    every: u64,
    /// Of all processes together, FLOP a second, if it is known.
    peak: Option<f64>,
    since: Instant,
    tokens: f64,
    images: f64,
    flops: f64,
}

impl Report {
    /// A point every `every` steps in `folder`.
    ///
    /// # Errors
    /// The series cannot be opened.
    pub fn new(folder: &Path, every: u64, peak: Option<f64>) -> runfile::Result<Self> {
        let series = series::Writer::open(folder)?;
        Ok(Self { series, every: every.max(1), peak, since: now(), tokens: 0.0, images: 0.0, flops: 0.0 })
    }

    /// Take step `number` into account; it is written if it is its turn, or the last one.
    ///
    /// # Errors
    /// The series cannot be written.
    pub fn step(&mut self, number: u64, step: Step, last: bool) -> runfile::Result<()> {
        self.tokens += step.tokens;
        self.images += step.images;
        self.flops += step.flops;
        if !number.is_multiple_of(self.every) && !last {
            return Ok(());
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let mut values = vec![
            ("loss", step.loss),
            ("text_loss", step.text_loss),
            ("vision_loss", step.vision_loss),
            ("lr", step.rate),
            ("grad_norm", step.norm),
            ("tokens_per_second", self.tokens / seconds),
            ("images_per_second", self.images / seconds),
            ("tflops", self.flops / seconds / 1e12),
            ("broken_samples", step.broken),
        ];
        values.extend(peak_memory().map(|bytes| ("memory_gb", bytes / 1e9)));
        values.extend(self.peak.map(|peak| ("mfu", self.flops / seconds / peak)));
        self.series.push(number, &values)?;
        (self.since, self.tokens, self.images, self.flops) = (now(), 0.0, 0.0, 0.0);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "throughput is told and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

/// The most host memory that this process has held, in bytes.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}
