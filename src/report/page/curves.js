/* What trainings logged: a line a task, coloured by a factor. */

function curvesCard(data, state) {
  const { runs } = data;
  const all = data.curves.curves.map((curve) => ({
    ...curve,
    label: data.text(curve.name),
    stage: at(data.tasks.stage, curve.task),
    run: at(data.tasks.run, curve.task),
    running: at(data.tasks.standing, curve.task) === 'running',
    steps: data.curves.steps[curve.steps],
  }));
  const kinds = [...new Set(all.map((curve) => `${curve.stage} ${curve.label}`))].sort();
  const title = (kind) => {
    const [stage, ...name] = kind.split(' ');
    return `${name.join(' ')}, ${data.stages[stage].name}`;
  };
  const factors = data.factors.filter((factor) => factor.varied);
  // A loss, since that is what people look for, and the one of most trainings.
  const losses = kinds.filter((kind) => /loss/i.test(kind));
  state.kind ??= (losses.length > 0 ? losses : kinds).reduce((most, kind) =>
    count(all, kind) > count(all, most) ? kind : most,
  );
  state.by ??= factors[0]?.name ?? '';
  state.log ??= false;
  state.hidden ??= new Set();
  const draw = (redraw) => {
    const set = (key) => (value) => {
      state[key] = value;
      if (key === 'by') state.hidden.clear();
      redraw();
    };
    const curves = all.filter((curve) => `${curve.stage} ${curve.label}` === state.kind);
    const factor = factors.find((candidate) => candidate.name === state.by);
    const levels = factor
      ? [...new Set(curves.map((curve) => runs.level(curve.run, factor.position)))].sort((a, b) =>
          compare(factor.values?.[a] ?? factor.levels[a], factor.values?.[b] ?? factor.levels[b]),
        )
      : [null];
    const labels = levels.map((level) => (level === null ? '' : `${factor.label} ${factor.levels[level]}`));
    const group = (curve) => (factor ? levels.indexOf(runs.level(curve.run, factor.position)) : 0);
    const styles = looks(labels.length, Boolean(factor?.values));
    const shown = curves.filter((curve) => !state.hidden.has(labels[group(curve)]));
    const running = curves.filter((curve) => curve.running).length;
    const thinned = curves.filter((curve) => curve.of > curve.values.length).length;
    return {
      controls: [
        choice(
          'Series',
          kinds.map((kind) => [kind, title(kind)]),
          state.kind,
          'curves-kind',
          set('kind'),
        ),
        choice('Colour', [['', 'none'], ...factors.map((f) => [f.name, f.label])], state.by, 'curves-by', set('by')),
        toggle('logarithmic', state.log, 'curves-log', set('log')),
      ],
      body: [
        training(data, { shown, group, styles, log: state.log, title: title(state.kind) }),
        legend(labels, styles, state.hidden, 'curves-legend', redraw),
        el(
          'p',
          { class: 'result' },
          plural(curves.length, 'training'),
          running > 0 ? `, ${grouped(running)} of them running: each ends in a ring for now` : '',
          thinned > 0 ? `; of long curves the lowest and highest value of each stretch are drawn` : '',
          data.curves.left_out > 0
            ? `; ${plural(data.curves.left_out, 'further curve')} would not fit into a page`
            : '',
        ),
      ],
      table: () =>
        dataTable({
          caption: title(state.kind),
          rows: curves,
          state: (state.table ??= {}),
          key: 'curves-table',
          columns: curveColumns(data, factors, running > 0),
        }),
    };
  };
  return card({ id: 'training', title: 'Training curves', state, draw });
}

const count = (curves, kind) => curves.filter((curve) => `${curve.stage} ${curve.label}` === kind).length;

function curveColumns(data, factors, areSomeRunning) {
  const values = (curve) => curve.values.filter((value) => value !== null);
  const number = (label, read) => ({
    label,
    align: 'number',
    sort: read,
    text: (curve) => (read(curve) === null ? 'not a number' : brief(read(curve))),
  });
  return [
    { label: 'Run', text: (curve) => data.runs.short(curve.run) },
    ...(areSomeRunning ? [{ label: 'Standing', text: (curve) => (curve.running ? 'running' : 'done') }] : []),
    ...factors.map((factor) => ({
      label: factor.label,
      text: (curve) => data.runs.label(curve.run, factor.position),
      sort: (curve) => data.runs.number(curve.run, factor.position) ?? data.runs.label(curve.run, factor.position),
    })),
    number('First', (curve) => curve.values[0]),
    number('Lowest', (curve) => values(curve).reduce((a, b) => Math.min(a, b), Infinity)),
    number('Last', (curve) => curve.values.at(-1)),
    number('Steps', (curve) => curve.steps.at(-1)),
  ];
}

/** Where a training is that goes on. */
function ring(curve, { colour }, sx, sy) {
  const last = curve.values.findLastIndex((value) => value !== null);
  if (last < 0) return null;
  const [cx, cy] = [sx.px(curve.steps[last]), sy.px(curve.values[last])].map((place) => place.toFixed(1));
  return svg('circle', { class: `goes-on ${colour}`, cx, cy, r: 4.5 });
}

function training(data, { shown, group, styles, log, title }) {
  const ys = shown.flatMap((curve) => curve.values.filter((value) => value !== null));
  const isLog = log && ys.every((value) => value > 0);
  const hot = svg('path', { class: 'hot' });
  let path = () => '';
  return plot({
    label: title,
    height: 420,
    x: { label: 'step', values: shown.flatMap((curve) => [curve.steps[0], curve.steps.at(-1)]), format: amount },
    y: { label: title, values: ys, log: isLog },
    draw: (sx, sy) => {
      path = (curve) => {
        let open = false;
        return curve.values
          .map((value, i) => {
            const step =
              value === null ? '' : `${open ? 'L' : 'M'}${sx.px(curve.steps[i]).toFixed(1)} ${sy.px(value).toFixed(1)}`;
            open = value !== null;
            return step;
          })
          .join('');
      };
      const groups = [...new Set(shown.map(group))];
      const dense = shown.length > 60 ? ' dense' : '';
      return [
        groups.map((index) =>
          svg('path', {
            class: `line thin ${styles[index].colour}${dense}`,
            d: shown
              .filter((curve) => group(curve) === index)
              .map(path)
              .join(''),
          }),
        ),
        shown.filter((curve) => curve.running).map((curve) => ring(curve, styles[group(curve)], sx, sy)),
        hot,
      ];
    },
    points: (sx, sy) =>
      shown.flatMap((curve) =>
        curve.values
          .map((value, i) => ({
            x: sx.px(curve.steps[i]),
            y: value === null ? NaN : sy.px(value),
            enter: () => hot.setAttribute('d', path(curve)),
            leave: () => hot.setAttribute('d', ''),
            lines: () => [
              `${curve.label} ${brief(value)}`,
              ['step', grouped(curve.steps[i])],
              ['run', data.runs.short(curve.run)],
              data.runs.name(curve.run) || null,
              curve.running ? 'running' : null,
            ],
          }))
          .filter((place) => !Number.isNaN(place.y)),
      ),
  });
}
