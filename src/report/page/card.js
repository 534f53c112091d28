/* A figure with its heading, its controls, the words below it and the table behind it. */

/**
 * `draw()` gives {controls, body, table} and is called again after `redraw`; `table()` is made when somebody opens it.
 * `state` outlives drawings.
 */
function card({ id, title, stamp, notes = [], files = [], state, draw }) {
  const [controls, body, holder] = [el('div', { class: 'controls' }), el('div', { class: 'body' }), el('div')];
  const heading = el('h3', { id: `${id}-title` }, title);
  const figure = el(
    'figure',
    { id, class: 'card', 'aria-labelledby': `${id}-title` },
    el(
      'header',
      {},
      heading,
      stamp ? el('span', { class: 'stamp' }, stamp) : null,
      el(
        'span',
        { class: 'files' },
        files.map((file) => el('a', { href: encodeURIComponent(file), download: true }, extension(file, id))),
      ),
    ),
    controls,
    body,
    holder,
    notes.length > 0
      ? el(
          'figcaption',
          {},
          notes.map((note) => el('p', {}, note)),
        )
      : null,
  );
  function redraw() {
    const drawn = draw(redraw);
    keepFocus(() => {
      controls.replaceChildren(...(drawn.controls ?? []).filter(Boolean));
      body.replaceChildren(...[drawn.body].flat().filter(Boolean));
      holder.replaceChildren(...(drawn.table ? [behind(id, drawn.table, state)] : []));
    });
  }
  whenNear(figure, redraw);
  return figure;
}

/** The card of a report that the sweep declares. */
const reportCard = (report, notes, state, draw) =>
  card({ id: report.name, title: report.title, stamp: report.stamp, notes, files: report.files, state, draw });

/** What a figure shows while there is nothing to draw. */
const nothingYet = () => ({
  body: el('p', { class: 'result' }, 'Nothing to draw yet: too few metrics have been measured.'),
});

/** With more runs than this a figure is drawn when it comes near the window, so that the page opens at once. */
const MANY = 2000;

function whenNear(figure, redraw) {
  if (app.data.runs.count <= MANY) {
    redraw();
    return;
  }
  figure.style.setProperty('min-height', '480px');
  let isDrawn = false;
  const drawOnce = () => {
    if (isDrawn) return;
    isDrawn = true;
    figure.style.removeProperty('min-height');
    redraw();
  };
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      drawOnce();
    },
    { rootMargin: '600px' },
  );
  observer.observe(figure);
  printing.push({ owner: figure, before: drawOnce, after: () => {} });
}

/** `figure-7-fid.svg` of the card `figure-7` is `fid.svg`, `figure-7.svg` is `svg`. */
function extension(file, id) {
  const rest = file.startsWith(id) ? file.slice(id.length) : file;
  return rest.replace(/^[-.]/, '');
}

function behind(id, table, state) {
  const details = el('details', { open: state.open ?? false }, el('summary', { 'data-key': `${id}-table` }, 'Table'));
  const fillIt = () => {
    state.open = details.open;
    if (details.open && details.children.length === 1) details.append(table());
  };
  details.addEventListener('toggle', fillIt);
  fillIt();
  return details;
}

/** What is drawn anew takes the focus along: the same control is found by its key. */
function keepFocus(change) {
  const active = document.activeElement;
  const key = active?.getAttribute('data-key');
  const place = active?.selectionStart ?? null;
  change();
  if (!key || document.activeElement === active) return;
  const again = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  again?.focus({ preventScroll: true });
  if (again && place !== null && again.setSelectionRange) again.setSelectionRange(place, place);
}

/** The measures of a report, or all that a frame has values of. */
const measuresOf = (data, frame, wanted = []) =>
  (wanted.length > 0 ? wanted : data.measures.map((measure) => measure.position)).filter((measure) =>
    frame.has(measure),
  );

const measureOptions = (data, measures) => measures.map((measure) => [measure, data.measures[measure].label]);
