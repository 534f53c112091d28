/* What the sweep claimed in advance, and what became of it: the first thing that a reader wants. */

const DECISIONS = {
  holds: ['✓', 'holds'],
  fails: ['✕', 'fails'],
  undecided: ['?', 'not decided'],
  agrees: ['≈', 'as claimed (descriptive)'],
  disagrees: ['≉', 'not as claimed (descriptive)'],
};

function conclusions(data, state, app) {
  const counts = Object.keys(DECISIONS)
    .map((decision) => [decision, data.conclusions.filter((conclusion) => conclusion.decision === decision).length])
    .filter(([, count]) => count > 0);
  return [
    el(
      'ul',
      { class: 'standings', 'aria-label': 'Claims by conclusion' },
      counts.map(([decision, count]) => el('li', {}, badge(decision, `${DECISIONS[decision][1]}: ${grouped(count)}`))),
    ),
    data.conclusions.map((conclusion) => claim(data, conclusion, (state[conclusion.claim] ??= {}), app)),
    el(
      'p',
      { class: 'help' },
      'A claim was stated in the sweep file. It holds if every interval over seeds lies on the claimed side, fails if one lies wholly on the other. ' +
        'What is called descriptive looks at estimates alone.',
    ),
  ];
}

const badge = (decision, text = DECISIONS[decision][1]) =>
  el(
    'span',
    { class: `decision ${decision}` },
    el('span', { 'aria-hidden': 'true' }, `${DECISIONS[decision][0]} `),
    text,
  );

function claim(data, conclusion, state, app) {
  const id = `claim-${conclusion.claim}`;
  const details = el(
    'details',
    { open: state.open ?? false },
    el(
      'summary',
      { 'data-key': id },
      `${plural(conclusion.parts.length, 'estimate')}, ${plural(conclusion.cells, 'cell')}, ${plural(conclusion.runs.length, 'run')}`,
    ),
  );
  const fillIt = () => {
    state.open = details.open;
    if (details.open && details.children.length === 1) details.append(...evidence(data, conclusion, state, app));
  };
  details.addEventListener('toggle', fillIt);
  fillIt();
  return el(
    'article',
    { class: 'card claim', id, 'aria-labelledby': `${id}-text` },
    el('header', {}, el('h3', { id: `${id}-text` }, conclusion.text || conclusion.claim), badge(conclusion.decision)),
    el('p', {}, conclusion.reason),
    // One number needs no table.
    conclusion.parts.length === 1 ? el('p', { class: 'help' }, partText(conclusion.parts[0])) : null,
    details,
  );
}

const digits = (part, value) => (value === null || value === undefined ? '–' : fixed(value, part.decimals));
const span = (part, interval) => (interval ? `${digits(part, interval.low)} to ${digits(part, interval.high)}` : '–');

const partText = (part) =>
  `${part.says}: ${digits(part, part.estimate)}${part.interval ? ` (${span(part, part.interval)})` : ''}, claimed ${regionText(part.region)}`;

/** The parts of a claim, its notes, and its runs. */
function evidence(data, conclusion, state, app) {
  const range = extent(conclusion.parts);
  const columns = [
    { label: 'What', text: (part) => part.says },
    { label: 'Estimate', align: 'number', sort: (part) => part.estimate, text: (part) => digits(part, part.estimate) },
    { label: 'Interval', align: 'number', text: (part) => span(part, part.interval), title: 'Over seeds' },
    { label: 'Claimed', align: 'number', text: (part) => regionText(part.region) },
    { label: 'Picture', text: () => '', node: (part) => strip(part, range) },
    { label: 'p', align: 'number', sort: (part) => part.p, text: (part) => (part.p === null ? '–' : brief(part.p)) },
    { label: 'Cells', align: 'number', sort: (part) => part.cells, text: (part) => String(part.cells) },
    { label: 'Runs', align: 'number', sort: (part) => part.runs, text: (part) => String(part.runs) },
    { label: 'Conclusion', text: (part) => DECISIONS[part.decision][1], node: (part) => badge(part.decision) },
    {
      label: 'Beside',
      text: (part) => asideText(part),
      node: (part) => el('span', { class: 'aside' }, asideText(part)),
    },
  ];
  const places = new Map(data.runs.ids.map((id, place) => [id, place]));
  const runs = conclusion.runs.map((id) => places.get(id)).filter((run) => run !== undefined);
  return [
    dataTable({
      caption: conclusion.text,
      columns,
      rows: conclusion.parts,
      state: (state.table ??= {}),
      key: `claim-${conclusion.claim}`,
    }),
    ...conclusion.notes.map((note) => el('p', { class: 'help' }, note)),
    el(
      'p',
      { class: 'help' },
      `Grid ${conclusion.grid}${conclusion.filter ? `, where ${conclusion.filter}` : ''}. ${conclusion.sources.join('; ')}`,
    ),
    runs.length > 0
      ? button(`Show its ${plural(runs.length, 'run')}`, `claim-${conclusion.claim}-runs`, () => app.pick(runs))
      : '',
  ];
}

/** Why there is no decision, what it would take, and the numbers that decide nothing. */
function asideText(part) {
  const asides = part.asides.map(({ label, value, decimals }) => `${label}: ${fixed(value, decimals)}`);
  const needed = part.seeds_needed ? [`${plural(part.seeds_needed, 'seed')} a cell would decide`] : [];
  return [...(part.reason ? [part.reason] : []), ...needed, ...asides].join('; ');
}

function regionText({ low, high, strict }) {
  const number = (value) => String(value).replace('-', '−');
  if (low !== null && high !== null) return `${number(low)} to ${number(high)}`;
  if (low !== null) return `${strict ? '>' : '≥'} ${number(low)}`;
  return high === null ? 'any' : `${strict ? '<' : '≤'} ${number(high)}`;
}

/** From the smallest to the largest value that a claim's pictures show. */
function extent(parts) {
  const values = parts.flatMap(({ estimate, interval, region }) => [
    estimate,
    interval?.low,
    interval?.high,
    region.low,
    region.high,
  ]);
  const known = values.filter((value) => typeof value === 'number');
  const [low, high] = [
    known.reduce((a, b) => Math.min(a, b), Infinity),
    known.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  const spare = (high - low || 1) * 0.08;
  return [low - spare, high + spare];
}

/** The estimate and its interval as dot and line, the claimed values as ground. */
function strip(part, [low, high]) {
  const x = (value) => (4 + ((value - low) / (high - low)) * 152).toFixed(1);
  const { estimate, interval, region } = part;
  const from = x(region.low ?? low);
  const width = Math.max(0, x(region.high ?? high) - from);
  return svg(
    'svg',
    { viewBox: '0 0 160 22', class: `strip ${part.decision}`, 'aria-hidden': 'true' },
    svg('rect', { class: 'region', x: from, y: 2, width, height: 18 }),
    interval
      ? svg('path', { d: `M${x(interval.low)} 11H${x(interval.high)}M${x(interval.low)} 7v8M${x(interval.high)} 7v8` })
      : null,
    estimate === null ? null : svg('circle', { cx: x(estimate), cy: 11, r: 4 }),
  );
}
