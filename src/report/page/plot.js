/* Plots as SVG of few nodes: all marks of a series are one path, whatever their number. */

const SHAPES = ['disc', 'square', 'triangle', 'diamond', 'cross', 'star'];
const COLOURS = 8;

/** The outline of one mark; shapes tell series apart where colours do not. */
function mark(shape, x, y, r) {
  const at = (dx, dy) => `${(x + dx * r).toFixed(1)} ${(y + dy * r).toFixed(1)}`;
  const polygon = (points) => `M${points.map(([dx, dy]) => at(dx, dy)).join('L')}Z`;
  switch (shape) {
    case 'square':
      return polygon([
        [-0.9, -0.9],
        [0.9, -0.9],
        [0.9, 0.9],
        [-0.9, 0.9],
      ]);
    case 'triangle':
      return polygon([
        [0, -1.2],
        [1.1, 0.8],
        [-1.1, 0.8],
      ]);
    case 'diamond':
      return polygon([
        [0, -1.3],
        [1.1, 0],
        [0, 1.3],
        [-1.1, 0],
      ]);
    case 'cross':
      return polygon([
        [-1.2, -0.4],
        [-0.4, -0.4],
        [-0.4, -1.2],
        [0.4, -1.2],
        [0.4, -0.4],
        [1.2, -0.4],
        [1.2, 0.4],
        [0.4, 0.4],
        [0.4, 1.2],
        [-0.4, 1.2],
        [-0.4, 0.4],
        [-1.2, 0.4],
      ]);
    case 'star':
      return polygon(
        range(10).map((i) => {
          const [angle, size] = [(i * Math.PI) / 5, i % 2 ? 0.6 : 1.4];
          return [Math.sin(angle) * size, -Math.cos(angle) * size];
        }),
      );
    default:
      return `M${at(-1, 0)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  }
}

/** Steps from light to dark for levels that have an order. */
const SHADES = 6;

/** Colour (a class) and shape of each of `count` series; those in an order go from light to dark. */
function looks(count, isOrdered) {
  const shade = (index) => `o${Math.round((index * (SHADES - 1)) / Math.max(1, count - 1))}`;
  return range(count).map((index) => ({
    colour: isOrdered && count > 1 ? shade(index) : `c${index % COLOURS}`,
    shape: SHAPES[index % SHAPES.length],
  }));
}

/** Pixels that a figure may be wide. */
const room = (share = 1) =>
  Math.round(Math.max(300, Math.min(1076, document.documentElement.clientWidth - 84) * share));

/** Round numbers between `low` and `high`, about `count` of them. */
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return range(last - first + 1).map((i) => Number(((first + i) * step).toPrecision(12)));
}

/** From values to pixels. `values` are all that must fit; `marks` are the only ticks where they are given. */
function scale({ values, log = false, names = null, marks = null, format = brief }, from, to) {
  if (names) {
    const step = (to - from) / names.length;
    const px = (value) => from + (value + 0.5) * step;
    return { px, ticks: names.map((name, value) => ({ at: px(value), text: name })), log: false };
  }
  // One at a time: `Math.min` takes no lists of a hundred thousand values.
  let [low, high] = values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  if (!(low <= high)) [low, high] = [0, 1];
  const isLog = log && low > 0;
  const to10 = (value) => (isLog ? Math.log10(value) : value);
  [low, high] = [to10(low), to10(high)];
  const spare = high > low ? (high - low) * 0.05 : Math.abs(high) * 0.1 || 0.5;
  [low, high] = [low - spare, high + spare];
  const px = (value) => from + ((to10(value) - low) / (high - low)) * (to - from);
  const room = Math.abs(to - from);
  const powers = () => range(Math.ceil(high) - Math.floor(low) + 1).map((i) => 10 ** (Math.floor(low) + i));
  const free = isLog && high - low > 1.2 ? powers() : ticks(low, high, room / 60).map((t) => (isLog ? 10 ** t : t));
  const inside = (marks ?? free).filter((value) => px(value) >= Math.min(from, to) && px(value) <= Math.max(from, to));
  return { px, ticks: inside.map((value) => ({ at: px(value), text: format(value) })), log: isLog };
}

/** Ticks whose texts do not touch: every second, third and so on of too many. */
function roomy(ticks, width) {
  const widest = Math.max(1, ...ticks.map((tick) => tick.text.length)) * 6.6 + 10;
  const least = ticks.length > 1 ? Math.abs(ticks[1].at - ticks[0].at) : Infinity;
  const stride = Math.max(1, Math.ceil(widest / Math.max(least, width / 200)));
  return ticks.filter((_, index) => index % stride === 0);
}

/**
 * Axes, and what is drawn between them.
 *
 * `x` and `y` are scales as above with a `label`. `draw(sx, sy)` gives nodes; `points(sx, sy)` the places that answer to
 * pointer and arrow keys, each {x, y, lines, act}.
 */
function plot({ label, x, y, draw, points, width = room(), height = 400 }) {
  const slanted = (x.names ?? []).some((name) => name.length * 7 > (width - 80) / x.names.length);
  const foot = slanted ? 52 + Math.min(110, Math.max(...x.names.map((name) => name.length)) * 4) : 52;
  const sy = scale(y, height - foot, 14);
  const wide = Math.max(20, ...sy.ticks.map((tick) => tick.text.length * 6.6));
  const left = 34 + wide;
  const sx = scale(x, left, width - 14);
  const bottom = height - foot;
  const xTicks = slanted ? sx.ticks : roomy(sx.ticks, width);
  const tick = ({ at, text }) =>
    slanted
      ? svg('text', { class: 'tick end', transform: `translate(${at + 4} ${bottom + 14}) rotate(-35)` }, text)
      : svg('text', { class: 'tick middle', x: at, y: bottom + 17 }, text);
  const grid = [
    ...sy.ticks.map(({ at }) => `M${left} ${at.toFixed(1)}H${width - 14}`),
    ...xTicks.map(({ at }) => `M${at.toFixed(1)} 14V${bottom}`),
  ].join('');
  const root = svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      class: 'plot',
      style: { 'max-width': `${width}px` },
      tabindex: '0',
      role: 'group',
      'aria-roledescription': 'plot',
      'aria-label': `${label}. Arrow keys go from point to point.`,
    },
    svg('path', { class: 'grid', d: grid }),
    svg('path', { class: 'axis', d: `M${left} 14V${bottom}H${width - 14}` }),
    sy.ticks.map(({ at, text }) => svg('text', { class: 'tick end', x: left - 6, y: at + 4 }, text)),
    xTicks.map(tick),
    svg('text', { class: 'name middle', x: (left + width - 14) / 2, y: height - 10 }, x.label),
    svg('text', { class: 'name middle', transform: `translate(13 ${(14 + bottom) / 2}) rotate(-90)` }, y.label),
    draw(sx, sy),
  );
  const places = points(sx, sy);
  answer(root, places);
  if (places.length === 0)
    root.append(svg('text', { class: 'name middle', x: (left + width) / 2, y: height / 2 }, 'no values'));
  return root;
}

/** Pointer, focus and arrow keys show what the nearest point is. */
function answer(root, places) {
  if (places.length === 0) return;
  const ring = svg('circle', { class: 'ring', r: 7, hidden: true });
  root.append(ring);
  const order = [...places].sort((left, right) => left.x - right.x || right.y - left.y);
  let here = -1;
  const toScreen = ({ x, y }) => new DOMPoint(x, y).matrixTransform(root.getScreenCTM());
  const leave = () => {
    ring.setAttribute('hidden', '');
    tip.hide();
    order[here]?.leave?.();
  };
  const show = (index, aloud) => {
    order[here]?.leave?.();
    here = index;
    const place = order[index];
    ring.removeAttribute('hidden');
    ring.setAttribute('cx', place.x);
    ring.setAttribute('cy', place.y);
    place.enter?.();
    const { x, y } = toScreen(place);
    const lines = place.lines();
    tip.show(lines, around(x, y));
    if (aloud)
      say(
        lines
          .filter(Boolean)
          .map((entry) => (Array.isArray(entry) ? entry.join(' ') : entry))
          .join(', '),
      );
  };
  root.addEventListener('pointermove', (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    let [best, distance] = [-1, 40 * 40];
    order.forEach((place, index) => {
      const d = (place.x - x) ** 2 + (place.y - y) ** 2;
      if (d < distance) [best, distance] = [index, d];
    });
    if (best >= 0) show(best, false);
    else leave();
  });
  root.addEventListener('pointerleave', leave);
  root.addEventListener('blur', leave);
  root.addEventListener('click', () => order[here]?.act?.());
  root.addEventListener('keydown', (event) => {
    const last = order.length - 1;
    const next = {
      ArrowRight: Math.min(last, here + 1),
      ArrowDown: Math.min(last, here + 1),
      Home: 0,
      End: last,
      ArrowLeft: Math.max(0, here - 1),
      ArrowUp: Math.max(0, here - 1),
    }[event.key];
    if (next !== undefined) show(next, true);
    else if (event.key === 'Enter' && here >= 0) order[here].act?.();
    else return;
    event.preventDefault();
  });
}

/** Marks of one series as one path. */
function marks(points, { colour, shape }, r = 4) {
  return svg('path', { class: `marks ${colour}`, d: points.map(({ x, y }) => mark(shape, x, y, r)).join('') });
}

/** Error bars as one path. */
function bars(spans, { colour }) {
  const bar = ({ x, low, high }) =>
    `M${x.toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}m-3 0h6M${(x - 3).toFixed(1)} ${low.toFixed(1)}h6`;
  return svg('path', { class: `bars ${colour}`, d: spans.map(bar).join('') });
}

/** Which look means which series; a click takes a series out and puts it back. */
function legend(labels, styles, hidden, key, onChange) {
  if (labels.length < 2) return null;
  const entry = (label, index) => {
    const { colour, shape } = styles[index];
    const sample = svg(
      'svg',
      { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
      svg('path', { class: `marks ${colour}`, d: mark(shape, 8, 8, 5) }),
    );
    const flip = () => {
      if (hidden.has(label)) hidden.delete(label);
      else hidden.add(label);
      onChange();
    };
    return el(
      'li',
      {},
      button([sample, label], `${key}-${index}`, flip, { 'aria-pressed': String(!hidden.has(label)) }),
    );
  };
  return el('ul', { class: 'legend', 'aria-label': 'Series' }, labels.map(entry));
}
