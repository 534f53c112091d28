/* Parallel coordinates: a line a run, an axis a factor or a metric; ranges on axes choose runs. */

/** Lines are coloured by rank on one axis, in so many steps. */
const STEPS = 5;
const FIRST_METRICS = 6;

function parallelCard(data, state, onRanges) {
  const { runs } = data;
  const factors = data.factors.filter((factor) => factor.varied).map((factor) => factorAxis(data, factor));
  const metrics = data.measures.map((measure) => metricAxis(data, measure)).filter((axis) => axis.high >= axis.low);
  const all = [...factors, ...metrics];
  state.shown ??= new Set([...factors, ...metrics.slice(0, FIRST_METRICS)].map((axis) => axis.key));
  state.ranges ??= new Map();
  state.colour ??= metrics[0]?.key ?? factors[0]?.key;
  const inside = (run) =>
    [...state.ranges].every(([key, [low, high]]) => {
      const value = all.find((axis) => axis.key === key)?.value(run) ?? null;
      return value !== null && value >= low && value <= high;
    });
  const draw = (redraw) => {
    const axes = all.filter((axis) => state.shown.has(axis.key));
    const chosen = range(runs.count).map(inside);
    const change = () => {
      redraw();
      onRanges(state.ranges.size > 0 ? new Set(range(runs.count).filter(inside)) : null);
    };
    const count = chosen.filter(Boolean).length;
    return {
      controls: [
        choice(
          'Colour',
          all.map((axis) => [axis.key, axis.label]),
          state.colour,
          'parallel-colour',
          (value) => {
            state.colour = value;
            redraw();
          },
        ),
        state.ranges.size > 0
          ? button('Clear ranges', 'parallel-clear', () => {
              state.ranges.clear();
              change();
            })
          : null,
      ],
      body: [
        lines(data, { axes, chosen, state, change, colour: all.find((axis) => axis.key === state.colour) }),
        el(
          'p',
          { class: 'result' },
          state.ranges.size > 0
            ? `${grouped(count)} of ${plural(runs.count, 'run')} in the ranges; the table of runs shows them`
            : plural(runs.count, 'run'),
        ),
        axisChoices(all, state, change),
      ],
    };
  };
  const notes = [
    'Up is better on the axis of every metric that says which way is better. Drag along an axis to choose a range; the numbers below do the same.',
  ];
  return card({ id: 'parallel', title: 'Runs across factors and metrics', notes, state, draw });
}

/** Levels stand at equal distances. */
function factorAxis(data, factor) {
  const { runs } = data;
  const present = [...new Set(range(runs.count).map((run) => runs.level(run, factor.position)))].sort((a, b) =>
    compare(factor.values?.[a] ?? factor.levels[a], factor.values?.[b] ?? factor.levels[b]),
  );
  const places = new Map(present.map((level, place) => [level, place]));
  return {
    key: `f${factor.position}`,
    label: factor.label,
    low: 0,
    high: present.length - 1,
    flipped: false,
    value: (run) => places.get(runs.level(run, factor.position)),
    text: (value) => factor.levels[present[Math.round(value)]] ?? '',
    ticks: present.length <= 12 ? range(present.length) : [0, present.length - 1],
  };
}

function metricAxis(data, measure) {
  const { runs } = data;
  const values = range(runs.count)
    .map((run) => runs.value(run, measure.position))
    .filter((value) => value !== null);
  const [low, high] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  return {
    key: `m${measure.position}`,
    label: measure.heading,
    low,
    high,
    flipped: measure.better === 'low',
    ticks: [low, high],
    value: (run) => runs.value(run, measure.position),
    text: (value) => fixed(value, runs.decimals(measure.position)),
  };
}

function lines(data, { axes, chosen, state, change, colour }) {
  const [width, height, top, bottom] = [Math.max(640, axes.length * 96), 360, 46, 336];
  const x = (index) => 60 + (index * (width - 120)) / Math.max(1, axes.length - 1);
  const y = (axis, value) => {
    const share = axis.high > axis.low ? (value - axis.low) / (axis.high - axis.low) : 0.5;
    return axis.flipped ? top + share * (bottom - top) : bottom - share * (bottom - top);
  };
  const path = (run) => {
    let open = false;
    return axes
      .map((axis, index) => {
        const value = axis.value(run);
        if (value === null) {
          open = false;
          return '';
        }
        const step = `${open ? 'L' : 'M'}${x(index).toFixed(1)} ${y(axis, value).toFixed(1)}`;
        open = true;
        return step;
      })
      .join('');
  };
  const step = steps(data, colour);
  const groups = range(STEPS).map(() => []);
  const faded = [];
  chosen.forEach((isChosen, run) => (isChosen ? groups[step(run)] : faded).push(path(run)));
  const dense = data.runs.count > 500 ? ' dense' : '';
  const hot = svg('path', { class: 'hot' });
  const root = svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      class: 'plot parallel',
      role: 'img',
      'aria-label': `Lines of ${plural(data.runs.count, 'run')} over ${axes.map((axis) => axis.label).join(', ')}. The table of runs has the same numbers.`,
    },
    svg('path', { class: `faded${dense}`, d: faded.join('') }),
    groups.map((paths, index) => svg('path', { class: `line step${index}${dense}`, d: paths.join('') })),
    hot,
    axes.map((axis, index) =>
      axisNode(axis, { x: x(index), y: (value) => y(axis, value), top, bottom, state, change }),
    ),
  );
  hover(root, { data, axes, x, y, path, hot, chosen });
  return el(
    'div',
    { class: 'scroller low', tabindex: '0', role: 'region', 'aria-label': 'Parallel coordinates' },
    root,
  );
}

/** By rank on an axis: 0 for the worst fifth of the runs, 4 for the best. */
function steps(data, axis) {
  if (!axis) return () => STEPS - 1;
  const values = range(data.runs.count)
    .map(axis.value)
    .filter((value) => value !== null)
    .sort((a, b) => a - b);
  const cuts = range(STEPS - 1).map((i) => values[Math.floor(((i + 1) * values.length) / STEPS)]);
  return (run) => {
    const value = axis.value(run);
    const rank = value === null ? 0 : cuts.filter((cut) => value >= cut).length;
    return axis.flipped && value !== null ? STEPS - 1 - rank : rank;
  };
}

function axisNode(axis, { x, y, top, bottom, state, change }) {
  const bounds = state.ranges.get(axis.key);
  const label = axis.label.length > 15 ? `${axis.label.slice(0, 14)}…` : axis.label;
  const handle = svg(
    'rect',
    { class: 'handle', x: x - 14, y: top - 6, width: 28, height: bottom - top + 12 },
    svg('title', {}, axis.label),
  );
  const range = bounds && [y(bounds[0]), y(bounds[1])].sort((a, b) => a - b);
  const brush = svg('rect', {
    class: 'brush',
    x: x - 7,
    width: 14,
    y: range ? range[0] - 3 : 0,
    height: range ? range[1] - range[0] + 6 : 0,
  });
  drag(handle, brush, { axis, y, top, bottom, state, change });
  return svg(
    'g',
    {},
    svg('path', { class: 'axis', d: `M${x} ${top}V${bottom}` }),
    brush,
    svg('text', { class: 'name middle', x, y: 18 }, label, svg('title', {}, axis.label)),
    axis.ticks.map((value) => svg('text', { class: 'tick', x: x + 5, y: y(value) + 4 }, axis.text(value))),
    handle,
  );
}

/** Drag along an axis for a range, click on it for none. */
function drag(handle, brush, { axis, top, bottom, state, change }) {
  const toValue = (place) => {
    const share = Math.max(0, Math.min(1, (bottom - place) / (bottom - top)));
    return axis.low + (axis.flipped ? 1 - share : share) * (axis.high - axis.low);
  };
  const place = (event) =>
    new DOMPoint(event.clientX, event.clientY).matrixTransform(handle.getScreenCTM().inverse()).y;
  let from = null;
  handle.addEventListener('pointerdown', (event) => {
    from = place(event);
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (from === null) return;
    const to = place(event);
    brush.setAttribute('y', Math.min(from, to));
    brush.setAttribute('height', Math.abs(to - from));
  });
  handle.addEventListener('pointerup', (event) => {
    if (from === null) return;
    const ends = [toValue(from), toValue(place(event))].sort((a, b) => a - b);
    if (Math.abs(place(event) - from) < 4) state.ranges.delete(axis.key);
    else state.ranges.set(axis.key, ends);
    from = null;
    change();
  });
}

/** The line nearest to the pointer stands out and says which run it is. */
function hover(root, { data, axes, x, y, path, hot, chosen }) {
  root.addEventListener('pointermove', (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    const after = axes.findIndex((_, index) => x(index) > point.x);
    if (after < 1) return;
    const t = (point.x - x(after - 1)) / (x(after) - x(after - 1));
    let [best, distance] = [-1, 12];
    chosen.forEach((isChosen, run) => {
      const [a, b] = [axes[after - 1].value(run), axes[after].value(run)];
      if (!isChosen || a === null || b === null) return;
      const d = Math.abs((1 - t) * y(axes[after - 1], a) + t * y(axes[after], b) - point.y);
      if (d < distance) [best, distance] = [run, d];
    });
    hot.setAttribute('d', best < 0 ? '' : path(best));
    if (best < 0) return tip.hide();
    const values = axes
      .filter((axis) => axis.value(best) !== null)
      .map((axis) => [axis.label, axis.text(axis.value(best))]);
    return tip.show([`run ${data.runs.short(best)}`, ...values], around(event.clientX, event.clientY));
  });
  root.addEventListener('pointerleave', () => {
    hot.setAttribute('d', '');
    tip.hide();
  });
}

/** Which axes are shown, and the ranges as numbers. */
function axisChoices(all, state, change) {
  const flip = (axis) => (isOn) => {
    if (isOn) state.shown.add(axis.key);
    else {
      state.shown.delete(axis.key);
      state.ranges.delete(axis.key);
    }
    change();
  };
  const bound = (axis, end, word) => {
    const own = state.ranges.get(axis.key)?.[end] ?? '';
    const input = el('input', {
      type: 'number',
      step: 'any',
      value: own,
      'aria-label': `${word} ${axis.label}`,
      'data-key': `parallel-${axis.key}-${end}`,
      on: {
        change: () => {
          const ends = state.ranges.get(axis.key) ?? [axis.low, axis.high];
          ends[end] = input.value === '' ? [axis.low, axis.high][end] : Number(input.value);
          state.ranges.set(axis.key, ends);
          change();
        },
      },
    });
    return input;
  };
  const row = (axis) =>
    el(
      'li',
      {},
      toggle(axis.label, state.shown.has(axis.key), `parallel-${axis.key}`, flip(axis)),
      axis.key.startsWith('m') ? [bound(axis, 0, 'Smallest'), bound(axis, 1, 'Largest')] : null,
    );
  const details = el(
    'details',
    { open: state.axesOpen ?? false },
    el('summary', { 'data-key': 'parallel-axes' }, 'Axes and ranges'),
    el('ul', { class: 'axes' }, all.map(row)),
  );
  details.addEventListener('toggle', () => (state.axesOpen = details.open));
  return details;
}
