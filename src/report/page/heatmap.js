/* Heatmaps as tables: every cell is an element that has a number, a focus and something to say. */

const HUES = 5;
/** Panels of more cells than this are shown one metric at a time. */
const MOST_CELLS = 2500;
/** Columns of more levels than this have no room for numbers. */
const MOST_COLUMNS = 24;

function heatmapCard(data, report, state, act) {
  const { frame } = report;
  const measures = measuresOf(data, frame, report.measures);
  const start = (name, other) => name ?? frame.varied.find((axis) => axis.name !== other)?.name ?? frame.axes[0]?.name;
  state.x ??= start(report.x[0], report.y);
  state.y ??= start(report.y, state.x);
  state.measure ??= frame.count * measures.length > MOST_CELLS ? measures[0] : 'all';
  const draw = (redraw) => {
    if (measures.length === 0) return nothingYet();
    const set = (key) => (value) => {
      const other = { x: 'y', y: 'x' }[key];
      if (other && value === state[other]) state[other] = state[key];
      state[key] = value;
      redraw();
    };
    const axes = frame.varied.map((axis) => [axis.name, axis.label]);
    const all = measures.length > 1 && frame.count * measures.length <= 4 * MOST_CELLS ? [['all', 'all metrics']] : [];
    const shown = state.measure === 'all' ? measures : [Number(state.measure)];
    const panels = frame
      .facets([state.x, state.y])
      .flatMap((facet) =>
        shown.map((measure) =>
          heat(data, frame, { facet, measure, hue: measures.indexOf(measure) % HUES, report, state, act }),
        ),
      );
    return {
      controls: [
        choice(
          'Metric',
          [...all, ...measureOptions(data, measures)],
          state.measure,
          `${report.name}-metric`,
          set('measure'),
        ),
        axes.length > 2 || axes.length === 2 ? choice('Columns', axes, state.x, `${report.name}-x`, set('x')) : null,
        axes.length > 2 ? choice('Rows', axes, state.y, `${report.name}-y`, set('y')) : null,
      ],
      body: el('div', { class: 'panels' }, panels),
      table: () => cellTable(data, report, measures, state, `${report.name}-table`),
    };
  };
  return reportCard(report, [...anchorNotes(data, report), ...report.caption], state, draw);
}

/** One panel: rows and columns are levels, the stronger a colour the better. */
function heat(data, frame, { facet, measure, hue, report, state, act }) {
  const spec = data.measures[measure];
  const [x, y] = [frame.axis(state.x), frame.axis(state.y)];
  if (!x || !y) return el('p', {}, 'A heatmap needs two axes.');
  const places = new Map(
    facet.cells.map((cell) => [`${frame.level(cell, x.position)} ${frame.level(cell, y.position)}`, cell]),
  );
  const values = facet.cells.map((cell) => frame.value(cell, measure)).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const share = (value) => {
    const t = high > low ? (value - low) / (high - low) : 0.5;
    return spec.better === 'low' ? 1 - t : t;
  };
  const decimals = report.decimals ?? frame.decimals(measure);
  const crowded = x.present.length > MOST_COLUMNS;
  const cellNode = (row, column) => {
    const cell = places.get(`${column} ${row}`);
    const score = cell === undefined ? null : frame.score(cell, measure);
    const empty = score === null || score.value === null;
    const kind = score?.state ?? 'not-applicable';
    const text = empty ? ({ failed: '×', 'not-run': '·' }[kind] ?? '') : fixed(score.value, decimals);
    const t = empty ? 0 : share(score.value);
    const options = {
      tabindex: '-1',
      class: [empty ? `hole ${kind}` : '', kind === 'partial' ? 'partial' : ''].join(' ').trim() || null,
      style: empty ? {} : { '--t': t.toFixed(3) },
    };
    const aside = score?.note && !empty && kind === 'complete' ? el('sup', {}, '†') : null;
    const node = crowded ? el('td', { ...options, 'aria-label': text }) : el('td', options, text, aside);
    if (cell !== undefined)
      Object.assign(node, {
        sweepLines: () => scoreLines(data, frame, cell, measure),
        sweepAct: () => act(frame.runs(cell)),
      });
    return node;
  };
  const head = x.present.map((level) => el('th', { scope: 'col' }, x.levels[level]));
  const rows = y.present.map((row) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, y.levels[row]),
      x.present.map((column) => cellNode(row, column)),
    ),
  );
  const name = facet.label ? `${spec.quantity}, ${facet.label}` : spec.quantity;
  const table = el(
    'table',
    { class: `heat hue${hue}${crowded ? ' crowded' : ''}` },
    el('caption', {}, name),
    el(
      'thead',
      {},
      el('tr', {}, el('td', { class: 'corner' }, el('span', {}, `${y.label} ↓`), el('span', {}, `${x.label} →`)), head),
    ),
    el('tbody', {}, rows),
  );
  walk(table);
  const ends = values.length === 0 ? null : spec.better === 'low' ? [high, low] : [low, high];
  const key =
    ends &&
    el(
      'p',
      { class: `scale hue${hue}` },
      el('span', {}, fixed(ends[0], decimals)),
      el('i', {}),
      el('span', {}, `${fixed(ends[1], decimals)}${spec.better ? ', best' : ''}`),
    );
  return el('div', { class: 'panel' }, table, key);
}

/** Arrow keys go from cell to cell; the table is one stop of the tab key. */
function walk(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1));
  const enter = (cell) => {
    if (!cell?.sweepLines) return tip.hide();
    return tip.show(cell.sweepLines(), cell.getBoundingClientRect());
  };
  const owner = (event) => event.target.closest('td[tabindex]');
  rows[0]?.[0]?.setAttribute('tabindex', '0');
  table.addEventListener('pointerover', (event) => enter(owner(event)));
  table.addEventListener('pointerleave', () => tip.hide());
  table.addEventListener('focusin', (event) => enter(owner(event)));
  table.addEventListener('focusout', () => tip.hide());
  table.addEventListener('click', (event) => owner(event)?.sweepAct?.());
  table.addEventListener('keydown', (event) => {
    const cell = owner(event);
    const row = rows.findIndex((cells) => cells.includes(cell));
    if (row < 0) return;
    const column = rows[row].indexOf(cell);
    const [down, right] = {
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      Home: [0, -column],
      End: [0, rows[row].length - 1 - column],
    }[event.key] ?? [0, 0];
    const next = rows[row + down]?.[column + right];
    if (event.key === 'Enter') cell.sweepAct?.();
    else if (!next || (down === 0 && right === 0)) return;
    else {
      cell.setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
      say(next.sweepLines ? next.sweepLines().filter(Boolean).flat().join(' ') : 'not applicable');
    }
    event.preventDefault();
  });
}

/** What the metrics of a report are compared with, in words. */
function anchorNotes(data, report) {
  const text = ({ label, measure, low, high }) => {
    const decimals = report.decimals ?? report.frame.decimals(measure);
    const [from, to] = [fixed(low, decimals), fixed(high, decimals)];
    return `${label} ${from === to ? from : `${from} to ${to}`}`;
  };
  const by = new Map();
  for (const anchor of report.anchors) by.set(anchor.measure, [...(by.get(anchor.measure) ?? []), text(anchor)]);
  const parts = [...by].map(([measure, texts]) => `${data.measures[measure].label}: ${texts.join(', ')}`);
  return parts.length > 0 ? [`For comparison: ${parts.join('; ')}.`] : [];
}
