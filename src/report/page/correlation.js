/* Correlations: a matrix of ρ to choose a pair from, and the points behind the chosen one. */

const WARNING =
  'The cells of a designed grid were chosen, not sampled: ρ and its interval describe these cells. A factor that ' +
  'moves both metrics correlates them by itself; within its levels that effect is taken away.';
/** A matrix of more metrics a side is cut: nobody reads it, and each of its cells looks at all points. */
const MOST_METRICS = 40;

function correlationCard(data, report, state, act) {
  const { frame } = report;
  const all = measuresOf(data, frame, report.measures);
  const named = all.filter((measure) => report.x.includes(data.measures[measure].name));
  const groups = [...new Set(all.map((measure) => data.measures[measure].group).filter((group) => group !== null))];
  state.group ??= '';
  state.within ??= report.by ?? '';
  state.by ??= report.by ?? frame.varied[0]?.name ?? '';
  state.hidden ??= new Set();
  const draw = (redraw) => {
    const set =
      (key, read = (value) => value) =>
      (value) => {
        state[key] = read(value);
        if (key === 'by') state.hidden.clear();
        redraw();
      };
    const ofGroup = (measure) => state.group === '' || data.measures[measure].group === state.group;
    const rows = (named.length > 0 ? named : all).slice(0, MOST_METRICS);
    const columns = all
      .filter((measure) => (named.length > 0 ? !named.includes(measure) : true) && ofGroup(measure))
      .slice(0, MOST_METRICS);
    if (rows.length === 0 || columns.length === 0 || (rows.length === 1 && columns.every((y) => y === rows[0])))
      return nothingYet();
    if (!rows.includes(state.x)) state.x = rows[0];
    if (!columns.includes(state.y) || state.y === state.x)
      state.y = columns.find((measure) => measure !== state.x) ?? columns[0];
    const made = scatter(data, frame, {
      x: state.x,
      y: state.y,
      by: state.by,
      hidden: state.hidden,
      key: `${report.name}-legend`,
      act,
      redraw,
    });
    const axes = frame.varied.map((axis) => [axis.name, axis.label]);
    const pick = (x, y) => {
      Object.assign(state, { x, y });
      redraw();
    };
    return {
      controls: [
        choice('Horizontal', measureOptions(data, rows), state.x, `${report.name}-x`, set('x', Number)),
        choice('Vertical', measureOptions(data, columns), state.y, `${report.name}-y`, set('y', Number)),
        groups.length > 1
          ? choice(
              'Group',
              [['', 'all groups'], ...groups.map((group) => [group, group])],
              state.group,
              `${report.name}-group`,
              set('group'),
            )
          : null,
        choice('Colour', [['', 'none'], ...axes], state.by, `${report.name}-by`, set('by')),
        choice('Within', [['', 'all cells'], ...axes], state.within, `${report.name}-within`, set('within')),
      ],
      body: el(
        'div',
        { class: 'beside' },
        el(
          'div',
          {},
          made.node,
          made.legend,
          el('p', { class: 'result' }, rhoText(made.found)),
          withinText(frame, made),
        ),
        matrix(data, frame, {
          rows,
          columns,
          within: state.within,
          chosen: [state.x, state.y],
          pick,
          key: report.name,
        }),
      ),
      table: () => cellTable(data, report, all, state, `${report.name}-table`),
    };
  };
  const notes = report.caption.length > 0 ? report.caption : [WARNING];
  return reportCard(report, notes, state, draw);
}

function withinText(frame, { cells, xs, ys }) {
  const one = (axis) =>
    rhoText(
      correlateWithin(
        xs,
        ys,
        cells.map((cell) => frame.level(cell, axis.position)),
      ),
    );
  return el(
    'dl',
    { class: 'within' },
    frame.varied.map((axis) => el('div', {}, el('dt', {}, `within levels of ${axis.label}`), el('dd', {}, one(axis)))),
  );
}

/** Every pair's ρ; the stronger the colour, the stronger the correlation, its sign is written. */
function matrix(data, frame, { rows, columns, within, chosen, pick, key }) {
  const axis = frame.axis(within);
  const values = new Map(
    [...rows, ...columns].map((measure) => [measure, range(frame.count).map((cell) => frame.value(cell, measure))]),
  );
  const cellOf = (x, y) => {
    if (x === y) return el('td', { class: 'hole not-applicable' });
    const both = range(frame.count).filter((cell) => values.get(x)[cell] !== null && values.get(y)[cell] !== null);
    const [xs, ys] = [x, y].map((measure) => both.map((cell) => values.get(measure)[cell]));
    const found = axis
      ? correlateWithin(
          xs,
          ys,
          both.map((cell) => frame.level(cell, axis.position)),
        )
      : pearson(xs, ys);
    const isChosen = chosen[0] === x && chosen[1] === y;
    const label = `${data.measures[y].label} with ${data.measures[x].label}: ${rhoText(found)}`;
    const strength = Math.abs(found.rho ?? 0);
    return el(
      'td',
      {
        class: `${found.rho < 0 ? 'negative' : ''}${isChosen ? ' chosen' : ''}`,
        style: { '--t': strength.toFixed(3) },
      },
      button(found.rho === undefined ? '–' : fixed(found.rho, 2), `${key}-pair-${x}-${y}`, () => pick(x, y), {
        'aria-label': label,
        'aria-pressed': String(isChosen),
        title: label,
      }),
    );
  };
  return el(
    'div',
    { class: 'panel' },
    el(
      'table',
      { class: 'matrix' },
      el('caption', {}, axis ? `ρ within the levels of ${axis.label}` : 'ρ over all cells'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('td', {}),
          rows.map((x) => el('th', { scope: 'col' }, data.measures[x].label)),
        ),
      ),
      el(
        'tbody',
        {},
        columns.map((y) =>
          el(
            'tr',
            {},
            el('th', { scope: 'row' }, data.measures[y].label),
            rows.map((x) => cellOf(x, y)),
          ),
        ),
      ),
    ),
  );
}
