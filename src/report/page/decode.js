/* The island of JSON as things with names. Columns that are equal in all rows arrive as one value. */

const at = (column, row) => (Array.isArray(column) ? column[row] : column);
const range = (count) => Array.from({ length: count }, (_, index) => index);

/** The cells of one grid, or of a part of it. */
class Frame {
  constructor(raw, texts) {
    Object.assign(this, { raw, texts, grid: raw.grid, title: raw.title, filter: raw.filter, count: raw.count });
    let first = 0;
    this.first = range(raw.count).map((cell) => {
      const here = first;
      first += at(raw.replicates, cell);
      return here;
    });
    this.axes = raw.axes.map((axis, position) => {
      const present = [...new Set(range(raw.count).map((cell) => this.level(cell, position)))].sort((a, b) => a - b);
      return { ...axis, position, present, varied: present.length > 1 };
    });
    const varied = this.axes.filter((axis) => axis.varied);
    this.varied = varied.length > 0 ? varied : this.axes;
  }

  level(cell, axis) {
    return at(this.raw.levels[axis], cell);
  }

  label(cell, axis) {
    return this.axes[axis].levels[this.level(cell, axis)];
  }

  /** The number that the level of a cell stands for, or its place among the levels. */
  position(cell, axis) {
    const { values } = this.axes[axis];
    const level = this.level(cell, axis);
    return values ? values[level] : level;
  }

  axis(name) {
    return this.axes.find((axis) => axis.name === name);
  }

  /** The runs of a cell, one a seed. */
  runs(cell) {
    return this.raw.runs.slice(this.first[cell], this.first[cell] + at(this.raw.replicates, cell));
  }

  has(measure) {
    const scores = this.raw.scores[measure];
    return scores !== null && range(this.count).some((cell) => at(scores.value, cell) !== null);
  }

  /** Everything that is known of one measure of one cell; `null` where it does not apply. */
  score(cell, measure) {
    const scores = this.raw.scores[measure];
    if (scores === null) return null;
    const text = (place) => (place === null ? null : this.texts[place]);
    return {
      value: at(scores.value, cell),
      half: at(scores.half, cell),
      n: at(scores.n, cell),
      items: at(scores.items, cell),
      state: at(scores.state, cell),
      source: text(at(scores.source, cell)),
      note: text(at(scores.note, cell)),
    };
  }

  value(cell, measure) {
    const scores = this.raw.scores[measure];
    return scores === null ? null : at(scores.value, cell);
  }

  decimals(measure) {
    return this.raw.scores[measure]?.decimals ?? 0;
  }

  /** A cell by its levels: `VQA data 7M, Generation data 200k`. */
  cellLabel(cell) {
    return this.varied.map((axis) => `${axis.label} ${this.label(cell, axis.position)}`).join(', ') || 'the only cell';
  }

  /** Cells by their levels on the varied axes that `without` does not name, in the order of the levels. */
  facets(without) {
    const axes = this.varied.filter((axis) => !without.includes(axis.name));
    const facets = new Map();
    for (const cell of range(this.count)) {
      const levels = axes.map((axis) => this.level(cell, axis.position));
      const key = levels.join(' ');
      if (!facets.has(key)) {
        const label = axes.map((axis) => `${axis.label}: ${this.label(cell, axis.position)}`).join(', ');
        facets.set(key, { label, levels, cells: [] });
      }
      facets.get(key).cells.push(cell);
    }
    const order = (left, right) => left.levels.map((level, i) => level - right.levels[i]).find((d) => d !== 0) ?? 0;
    return [...facets.values()].sort(order);
  }
}

/** Everything that the page shows. */
function decode(raw) {
  const frames = raw.frames.map((frame) => new Frame(frame, raw.texts));
  const count = raw.runs.id.length;
  const varied = (factor) => Array.isArray(raw.runs.levels[factor]) && count > 1;
  const factors = raw.factors.map((factor, position) => ({ ...factor, position, varied: varied(position) }));
  const measures = raw.measures.map((measure, position) => ({ ...measure, position }));
  const arrow = { high: ' ↑', low: ' ↓' };
  for (const measure of measures) {
    measure.heading = `${measure.label}${arrow[measure.better] ?? ''}`;
    measure.quantity = `${measure.label}${measure.unit ? `, ${measure.unit}` : ''}${arrow[measure.better] ?? ''}`;
  }
  const runs = {
    count,
    ids: raw.runs.id,
    id: (run) => raw.runs.id[run],
    short: (run) => raw.runs.id[run].slice(0, 8),
    standing: (run) => at(raw.runs.standing, run),
    level: (run, factor) => at(raw.runs.levels[factor], run),
    label: (run, factor) => factors[factor].levels[at(raw.runs.levels[factor], run)],
    number: (run, factor) => factors[factor].values?.[at(raw.runs.levels[factor], run)] ?? null,
    task: (run, stage) => at(raw.runs.tasks[stage], run),
    value: (run, measure) => at(raw.runs.scores[measure], run),
    decimals: (measure) => raw.runs.decimals[measure],
    name: (run) =>
      factors
        .filter((f) => f.varied)
        .map((f) => `${f.label} ${runs.label(run, f.position)}`)
        .join(', '),
  };
  runs.seconds = (run) => {
    const tasks = raw.stages.map((_, stage) => runs.task(run, stage)).filter((task) => task !== null);
    const known = tasks.map((task) => at(raw.tasks.seconds, task)).filter((seconds) => seconds !== null);
    return known.length > 0 ? known.reduce((sum, seconds) => sum + seconds, 0) : null;
  };
  const reports = raw.reports.map((report) => ({ ...report, frame: frames[report.frame] }));
  return { ...raw, frames, factors, measures, runs, reports, text: (place) => raw.texts[place] };
}
