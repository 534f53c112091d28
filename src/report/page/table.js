/* Tables that sort by their heads, and of which only the rows in view are elements. */

const ROW = 30;
/** Up to so many rows are all there at once; so many are printed. */
const ALL_ROWS = 300;

/**
 * A table of `rows`. A column is {label, text(row), sort(row), node(row), align, best(row)}: `sort` gives a number or a
 * text, `null` for what is missing; `node` replaces the text. `state` keeps the order between drawings.
 */
function dataTable({ caption, columns, rows, state, key, row = () => ({}) }) {
  const body = el('tbody');
  const scroller = el('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': caption });
  const heads = columns.map((column, index) => head(column, index, key, () => order(index)));
  let sorted = rows;

  function order(index) {
    state.descending = state.column === index ? !state.descending : (columns[index].firstDescending ?? false);
    state.column = index;
    sort();
    scroller.scrollTop = 0;
    fillRows();
    const way = state.descending ? 'descending' : 'ascending';
    say(`Sorted by ${columns[index].label}, ${way}`);
  }

  function sort() {
    const by = columns[state.column]?.sort ?? columns[state.column]?.text;
    heads.forEach((node, index) =>
      node.setAttribute('aria-sort', index !== state.column ? 'none' : state.descending ? 'descending' : 'ascending'),
    );
    if (!by) {
      sorted = rows;
      return;
    }
    const sign = state.descending ? -1 : 1;
    const keyed = rows.map((entry) => [by(entry), entry]);
    const missing = (value) => value === null || value === undefined || value === '';
    keyed.sort(([left], [right]) =>
      missing(left) || missing(right) ? missing(left) - missing(right) : sign * compare(left, right),
    );
    sorted = keyed.map(([, entry]) => entry);
  }

  function rowNode(entry, index) {
    const cell = (column, position) => {
      const content = column.node ? column.node(entry) : column.text(entry);
      const options = { class: [column.align ?? '', column.best?.(entry) ? 'best' : ''].join(' ').trim() || null };
      return position === 0 && !column.node
        ? el('th', { scope: 'row', ...options }, content)
        : el('td', options, content);
    };
    return el('tr', { 'aria-rowindex': index + 2, ...row(entry) }, columns.map(cell));
  }

  function fillRows(whole = false) {
    const count = sorted.length;
    const windowed = !whole && count > ALL_ROWS;
    const first = windowed ? Math.max(0, Math.floor(scroller.scrollTop / ROW) - 12) : 0;
    const last = windowed
      ? Math.min(count, first + Math.ceil((scroller.clientHeight || 600) / ROW) + 24)
      : Math.min(count, ALL_ROWS);
    const space = (rows) =>
      rows > 0
        ? el(
            'tr',
            { class: 'space', 'aria-hidden': 'true' },
            el('td', { colspan: columns.length, style: { height: `${rows * ROW}px` } }),
          )
        : null;
    const shown = sorted.slice(first, last).map((entry, index) => rowNode(entry, first + index));
    body.replaceChildren(
      ...[space(windowed ? first : 0), ...shown, space(windowed ? count - last : 0)].filter(Boolean),
    );
  }

  let asked = false;
  scroller.addEventListener('scroll', () => {
    if (sorted.length <= ALL_ROWS || asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      fillRows();
    });
  });
  sort();
  fillRows();
  scroller.append(
    el(
      'table',
      { class: `data${rows.length > ALL_ROWS ? ' fixed' : ''}`, 'aria-rowcount': rows.length + 1 },
      el('caption', { class: 'unseen' }, caption),
      el('thead', {}, el('tr', { 'aria-rowindex': 1 }, heads)),
      body,
    ),
  );
  const cut =
    rows.length > ALL_ROWS
      ? el('p', { class: 'paper' }, `The first ${ALL_ROWS} of ${grouped(rows.length)} rows; the CSV files hold all.`)
      : null;
  if (cut) printing.push({ owner: scroller, before: () => fillRows(true), after: () => fillRows() });
  return el('div', {}, scroller, cut);
}

function head(column, index, key, onClick) {
  return el(
    'th',
    { scope: 'col', class: column.align ?? null, 'aria-sort': 'none', title: column.title ?? null },
    button([column.label, el('span', { class: 'arrow', 'aria-hidden': 'true' })], `${key}-sort-${index}`, onClick),
  );
}

/** The columns of the cells of a frame: its axes, then measures with their spread; the best of each is marked. */
function cellColumns(data, frame, measures, decimals = null) {
  const axes = frame.varied.map((axis) => ({
    label: axis.label,
    text: (cell) => frame.label(cell, axis.position),
    sort: (cell) => frame.position(cell, axis.position),
  }));
  const column = (measure) => {
    const spec = data.measures[measure];
    const places = decimals ?? frame.decimals(measure);
    const values = range(frame.count)
      .map((cell) => frame.value(cell, measure))
      .filter((value) => value !== null);
    const pick = { high: Math.max, low: Math.min }[spec.better];
    const best =
      pick && values.length > 1
        ? fixed(
            values.reduce((a, b) => pick(a, b)),
            places,
          )
        : null;
    return {
      label: spec.heading,
      align: 'number',
      firstDescending: spec.better === 'high',
      text: (cell) => scoreText(frame.score(cell, measure), places),
      sort: (cell) => frame.value(cell, measure),
      best: (cell) =>
        best !== null && frame.value(cell, measure) !== null && fixed(frame.value(cell, measure), places) === best,
    };
  };
  return [...axes, ...measures.map(column)];
}

/** The cells of a report as a table; `state` outlives drawings. */
const cellTable = (data, { frame, title, decimals }, measures, state, key) =>
  dataTable({
    caption: title,
    columns: cellColumns(data, frame, measures, decimals),
    rows: range(frame.count),
    state: (state.table ??= {}),
    key,
  });
