/* One metric against another: a point a cell. */

/** The plot of two measures over the cells of a frame, coloured by an axis, with its line and its ρ. */
function scatter(data, frame, { x, y, by, hidden, key, act, redraw }) {
  const both = range(frame.count).filter((cell) => frame.value(cell, x) !== null && frame.value(cell, y) !== null);
  const axis = frame.axis(by);
  const groups = axis ? axis.present.map((level) => axis.levels[level]) : [''];
  const styles = looks(groups.length, axis?.values !== null);
  const group = (cell) => (axis ? axis.present.indexOf(frame.level(cell, axis.position)) : 0);
  const shown = both.filter((cell) => !hidden.has(groups[group(cell)]));
  const [xs, ys] = [x, y].map((measure) => shown.map((cell) => frame.value(cell, measure)));
  const found = pearson(xs, ys);
  const fit = found.rho === undefined ? null : line(xs, ys);
  const ends = [xs.reduce((a, b) => Math.min(a, b), Infinity), xs.reduce((a, b) => Math.max(a, b), -Infinity)];
  const radius = shown.length > 400 ? 2.2 : 4.2;
  const named = (measure) => ({ label: data.measures[measure].quantity });
  const node = plot({
    label: `${data.measures[y].label} against ${data.measures[x].label}: ${rhoText(found)}`,
    x: { ...named(x), values: xs },
    // The line belongs to what must fit.
    y: { ...named(y), values: fit ? [...ys, ...ends.map((x) => fit.slope * x + fit.intercept)] : ys },
    width: room(0.58),
    draw: (sx, sy) => {
      const place = (cell) => ({ x: sx.px(frame.value(cell, x)), y: sy.px(frame.value(cell, y)) });
      const series = groups.map((_, index) =>
        marks(shown.filter((cell) => group(cell) === index).map(place), styles[index], radius),
      );
      const to = (value) => `${sx.px(value).toFixed(1)} ${sy.px(fit.slope * value + fit.intercept).toFixed(1)}`;
      return [fit ? svg('path', { class: 'fit', d: `M${to(ends[0])}L${to(ends[1])}` }) : null, series];
    },
    points: (sx, sy) =>
      shown.map((cell) => ({
        x: sx.px(frame.value(cell, x)),
        y: sy.px(frame.value(cell, y)),
        act: () => act(frame.runs(cell)),
        lines: () => [
          frame.cellLabel(cell),
          ...[x, y].map((measure) => [
            data.measures[measure].label,
            scoreText(frame.score(cell, measure), frame.decimals(measure)),
          ]),
          [
            frame.runs(cell).length === 1 ? 'run' : 'runs',
            frame.runs(cell).slice(0, 4).map(data.runs.short).join(', '),
          ],
        ],
      })),
  });
  return { node, found, legend: legend(groups, styles, hidden, key, redraw), cells: shown, xs, ys };
}

/** A scatter plot that the sweep declares: a choice of pairs. */
function scatterCard(data, report, state, act) {
  const { frame } = report;
  const all = measuresOf(data, frame, report.measures);
  const xs = all.filter((measure) => report.x.includes(data.measures[measure].name));
  const ys = all.filter((measure) => !xs.includes(measure));
  state.x ??= xs[0] ?? all[0];
  state.y ??= ys[0] ?? all[1] ?? all[0];
  state.hidden ??= new Set();
  const draw = (redraw) => {
    if (all.length === 0) return nothingYet();
    const set = (key) => (value) => {
      state[key] = Number(value);
      redraw();
    };
    const made = scatter(data, frame, {
      x: state.x,
      y: state.y,
      by: report.by,
      hidden: state.hidden,
      key: `${report.name}-legend`,
      act,
      redraw,
    });
    return {
      controls: [
        choice('Horizontal', measureOptions(data, xs.length ? xs : all), state.x, `${report.name}-x`, set('x')),
        choice('Vertical', measureOptions(data, ys.length ? ys : all), state.y, `${report.name}-y`, set('y')),
      ],
      body: [made.node, made.legend, el('p', { class: 'result' }, rhoText(made.found))],
      table: () => cellTable(data, report, all, state, `${report.name}-table`),
    };
  };
  return reportCard(report, report.caption, state, draw);
}
