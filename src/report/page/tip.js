/* The box that says what is under the pointer or the focus. */

const tip = {
  box: null,

  /** Show `lines`, a list of texts and [label, value] pairs, beside the box `around`. */
  show(lines, around) {
    const [first, ...rest] = lines.filter((entry) => entry !== null && entry !== undefined);
    const pairs = rest.map((entry) =>
      Array.isArray(entry)
        ? el('div', {}, el('dt', {}, entry[0]), el('dd', {}, entry[1]))
        : el('div', { class: 'whole' }, el('dd', {}, entry)),
    );
    this.box.replaceChildren(el('strong', {}, first), el('dl', {}, pairs));
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(room - width - 4, (around.left + around.right) / 2 - width / 2));
    const above = around.top - height - 10;
    this.box.style.left = `${left}px`;
    this.box.style.top = `${above > 0 ? above : around.bottom + 10}px`;
  },

  hide() {
    this.box.hidden = true;
  },

  /** Put the box into the page, once. */
  start() {
    this.box = el('div', { id: 'tip', role: 'tooltip', hidden: true });
    document.body.append(this.box);
    document.addEventListener('keydown', (event) => event.key === 'Escape' && this.hide());
    document.addEventListener('scroll', () => this.hide(), { passive: true, capture: true });
  },
};

/** A box of a few pixels around a place of the window. */
const around = (x, y) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 });

/** What there is to say of one measure of one cell. */
function scoreLines(data, frame, cell, measure) {
  const spec = data.measures[measure];
  const score = frame.score(cell, measure);
  const decimals = frame.decimals(measure);
  const levels = frame.varied.map((axis) => [axis.label, frame.label(cell, axis.position)]);
  const runs = frame.runs(cell).map((run) => data.runs.short(run));
  const few = runs.length > 4 ? `${runs.slice(0, 4).join(', ')} and ${runs.length - 4} more` : runs.join(', ');
  return [
    `${spec.label}: ${scoreText(score, decimals, spec.unit)}`,
    ...levels,
    score?.value !== null && score
      ? ['seeds', score.half === null ? `${score.n}, so no interval` : String(score.n)]
      : null,
    score?.items ? ['items', grouped(score.items)] : null,
    score?.source ? ['source', score.source] : null,
    score?.note ? ['note', score.note] : null,
    [runs.length === 1 ? 'run' : 'runs', few],
  ];
}

const STATES = { 'not-applicable': 'n/a', 'not-run': 'not run', failed: 'failed' };

/** `14.2 ± 0.3`, or what there is instead of a number. */
function scoreText(score, decimals, unit = '') {
  if (score === null) return 'n/a';
  if (score.value === null) return STATES[score.state] ?? 'not a number';
  const half = score.half === null ? '' : ` ± ${fixed(score.half, Math.max(1, decimals))}`;
  return `${fixed(score.value, decimals)}${half}${unit ? ` ${unit}` : ''}`;
}
