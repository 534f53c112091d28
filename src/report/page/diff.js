/* Two runs beside each other: what was set differently, what came out differently, which work they shared. */

function difference(data, [left, right]) {
  const { runs } = data;
  const rows = data.factors.map((factor) => ({
    label: factor.label,
    name: factor.name,
    values: [left, right].map((run) => runs.label(run, factor.position)),
  }));
  const differing = rows.filter(({ values: [a, b] }) => a !== b);
  const equal = rows.filter(({ values: [a, b] }) => a === b);
  const scores = data.measures
    .map((measure) => ({ measure, values: [left, right].map((run) => runs.value(run, measure.position)) }))
    .filter(({ values }) => values.some((value) => value !== null));
  const shared = data.stages.filter(
    (_, stage) => runs.task(left, stage) !== null && runs.task(left, stage) === runs.task(right, stage),
  );
  const heads = (first) =>
    el(
      'tr',
      {},
      [first, runs.short(left), runs.short(right)].map((text) => el('th', { scope: 'col' }, text)),
    );
  const line = (row, isDifferent) =>
    el(
      'tr',
      { class: isDifferent ? 'differs' : null },
      el('th', { scope: 'row' }, row.label),
      row.values.map((value) => el('td', {}, value)),
    );
  return el(
    'section',
    { class: 'difference', 'aria-label': 'Two runs compared' },
    el('h3', {}, `Run ${runs.short(left)} and run ${runs.short(right)}`),
    el(
      'p',
      {},
      differing.length === 0
        ? 'Nothing was set differently.'
        : `${plural(differing.length, 'setting')} differ${differing.length === 1 ? 's' : ''}. `,
      shared.length > 0
        ? `They share ${plural(shared.length, 'task')}: ${shared.map((stage) => stage.name).join(', ')}.`
        : 'They share no task.',
    ),
    el(
      'div',
      { class: 'panels' },
      el(
        'table',
        { class: 'data' },
        el('caption', {}, 'Configuration'),
        el('thead', {}, heads('Factor')),
        el(
          'tbody',
          {},
          differing.map((row) => line(row, true)),
          equal.map((row) => line(row, false)),
        ),
      ),
      el(
        'table',
        { class: 'data' },
        el('caption', {}, 'Scores'),
        el(
          'thead',
          {},
          el(
            'tr',
            {},
            ['Metric', runs.short(left), runs.short(right), 'Difference'].map((text) =>
              el('th', { scope: 'col' }, text),
            ),
          ),
        ),
        el(
          'tbody',
          {},
          scores.map((score) => scoreLine(data, score)),
        ),
      ),
    ),
  );
}

function scoreLine(data, { measure, values: [left, right] }) {
  const decimals = data.runs.decimals(measure.position);
  const text = (value) => (value === null ? '–' : fixed(value, decimals));
  const change = left === null || right === null ? null : right - left;
  const sign = change > 0 ? '+' : '';
  const verdict =
    change === null || change === 0 || measure.better === null
      ? ''
      : change > 0 === (measure.better === 'high')
        ? ' better'
        : ' worse';
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, measure.heading),
    el('td', { class: 'number' }, text(left)),
    el('td', { class: 'number' }, text(right)),
    el('td', { class: 'number' }, change === null ? '–' : `${sign}${fixed(change, decimals)}${verdict}`),
  );
}
