/* Metrics over a factor, a line for each combination of the others. Amounts run on a logarithmic axis where declared. */

function scalingCard(data, report, state, act) {
  const { frame } = report;
  const measures = measuresOf(data, frame, report.measures);
  const numeric = (axis) => axis?.values !== null && axis?.present.every((level) => axis.values[level] !== null);
  const positive = (axis) => axis.present.every((level) => axis.values[level] > 0);
  state.x ??= report.x[0] ?? frame.varied.find(numeric)?.name ?? frame.varied[0]?.name;
  state.measure ??= measures[0];
  state.log ??= report.log_x;
  state.hidden ??= new Set();
  const draw = (redraw) => {
    if (measures.length === 0) return nothingYet();
    const set =
      (key, read = (value) => value) =>
      (value) => {
        state[key] = read(value);
        if (key === 'x') state.hidden.clear();
        redraw();
      };
    const axis = frame.axis(state.x);
    const isLine = report.kind !== 'bars' && numeric(axis);
    const facets = frame.facets([state.x]);
    const others = frame.varied.filter((other) => other !== axis);
    const styles = looks(facets.length, others.length === 1 && others[0].values !== null);
    return {
      controls: [
        choice(
          'Metric',
          measureOptions(data, measures),
          state.measure,
          `${report.name}-metric`,
          set('measure', Number),
        ),
        choice(
          'Along',
          frame.varied.map((a) => [a.name, a.label]),
          state.x,
          `${report.name}-x`,
          set('x'),
        ),
        isLine && positive(axis) ? toggle('logarithmic', state.log, `${report.name}-log`, set('log')) : null,
      ],
      body: [
        curvesOver(data, frame, { report, axis, isLine, facets, styles, state, act }),
        legend(
          facets.map((facet) => facet.label),
          styles,
          state.hidden,
          `${report.name}-legend`,
          redraw,
        ),
      ],
      table: () => cellTable(data, report, measures, state, `${report.name}-table`),
    };
  };
  return reportCard(report, [...anchorNotes(data, report), ...report.caption], state, draw);
}

function curvesOver(data, frame, { report, axis, isLine, facets, styles, state, act }) {
  const { measure } = state;
  const spec = data.measures[measure];
  const place = (cell) =>
    isLine ? frame.position(cell, axis.position) : axis.present.indexOf(frame.level(cell, axis.position));
  const series = facets
    .map((facet, index) => ({
      ...facet,
      index,
      cells: facet.cells.filter((cell) => frame.value(cell, measure) !== null).sort((a, b) => place(a) - place(b)),
    }))
    .filter((facet) => !state.hidden.has(facet.label));
  const cells = series.flatMap((facet) => facet.cells);
  const anchors = report.anchors.filter((anchor) => anchor.measure === measure);
  const spans = cells.flatMap((cell) => {
    const { value, half } = frame.score(cell, measure);
    return half === null ? [value] : [value - half, value + half];
  });
  // Series side by side where levels are names; on a line of numbers every value keeps its place.
  const shift = (sx, index) => (isLine ? 0 : (index - (facets.length - 1) / 2) * Math.min(14, 60 / facets.length));
  const ofAxis = isLine
    ? {
        values: cells.map(place),
        log: state.log,
        format: amount,
        marks: axis.present.length <= 12 ? axis.present.map((level) => axis.values[level]) : null,
      }
    : { names: axis.present.map((level) => axis.levels[level]) };
  const at = (sx, sy, cell, index) => ({
    x: sx.px(place(cell)) + shift(sx, index),
    y: sy.px(frame.value(cell, measure)),
  });
  return plot({
    label: `${spec.label} by ${axis.label}`,
    x: { label: axis.label, ...ofAxis },
    y: { label: spec.quantity, values: [...spans, ...anchors.flatMap(({ low, high }) => [low, high])] },
    draw: (sx, sy) => [
      anchors.map((anchor) => reference(sx, sy, anchor)),
      series.map(({ cells, index }) => {
        const points = cells.map((cell) => at(sx, sy, cell, index));
        const errors = cells
          .filter((cell) => frame.score(cell, measure).half !== null)
          .map((cell) => {
            const { value, half } = frame.score(cell, measure);
            return { x: at(sx, sy, cell, index).x, low: sy.px(value - half), high: sy.px(value + half) };
          });
        const path = isLine
          ? svg('path', {
              class: `line ${styles[index].colour}`,
              d: points.map(({ x, y }, i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join(''),
            })
          : null;
        return [path, bars(errors, styles[index]), marks(points, styles[index])];
      }),
    ],
    points: (sx, sy) =>
      series.flatMap(({ cells, index }) =>
        cells.map((cell) => ({
          ...at(sx, sy, cell, index),
          act: () => act(frame.runs(cell)),
          lines: () => scoreLines(data, frame, cell, measure),
        })),
      ),
  });
}

/** What a metric is compared with, as a dashed line across. */
function reference(sx, sy, { label, low, high }) {
  const [from, to, right] = [sy.px(high), sy.px(low), room() - 14];
  return svg(
    'g',
    { class: 'reference' },
    svg('path', { d: `M60 ${from.toFixed(1)}H${right}${to - from > 1 ? `M60 ${to.toFixed(1)}H${right}` : ''}` }),
    svg('text', { class: 'tick end', x: right - 2, y: from - 4 }, label),
  );
}
