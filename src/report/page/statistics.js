/* Correlations, by the same formulas and with the same bounds as the report's tables. */

/** 97.5% point of the normal distribution. */
const Z = 1.959963984540054;
/** Spread below this fraction of the mean is rounding, not data. */
const CONSTANT = 1e-13;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function moments(xs, ys) {
  const [mx, my] = [mean(xs), mean(ys)];
  let [sxx, sxy, syy] = [0, 0, 0];
  xs.forEach((x, i) => {
    sxx += (x - mx) * (x - mx);
    sxy += (x - mx) * (ys[i] - my);
    syy += (ys[i] - my) * (ys[i] - my);
  });
  return { mx, my, sxx, sxy, syy };
}

/** Pearson's ρ with Fisher's 95% interval, or the reason why there is none; `controlled` variables were taken away. */
function correlate(xs, ys, scale, controlled = 0) {
  const n = xs.length;
  if (n - controlled < 3) return { n, reason: `only ${plural(n, 'value')}` };
  const { sxx, sxy, syy, mx, my } = moments(xs, ys);
  const [atX, atY] = scale ?? [Math.abs(mx), Math.abs(my)];
  if (Math.sqrt(sxx) <= CONSTANT * atX || Math.sqrt(syy) <= CONSTANT * atY)
    return { n, reason: 'all values are equal' };
  const rho = Math.max(-1, Math.min(1, sxy / Math.sqrt(sxx) / Math.sqrt(syy)));
  const free = n - 3 - controlled;
  const interval = free > 0 && Math.abs(rho) < 1;
  const [z, half] = [Math.atanh(rho), Z / Math.sqrt(free)];
  return { n, rho, low: interval ? Math.tanh(z - half) : null, high: interval ? Math.tanh(z + half) : null };
}

const pearson = (xs, ys) => correlate(xs, ys);

/** What is left of `values` when the mean of each level is taken away. */
function residuals(values, levels) {
  const sums = new Map();
  values.forEach((value, i) => {
    const [sum, n] = sums.get(levels[i]) ?? [0, 0];
    sums.set(levels[i], [sum + value, n + 1]);
  });
  const level = (i) => sums.get(levels[i])[0] / sums.get(levels[i])[1];
  const scale = Math.max(...[...sums.values()].map(([sum, n]) => Math.abs(sum / n)));
  return { left: values.map((value, i) => value - level(i)), scale, levels: sums.size };
}

/** The correlation within the levels of a factor, whose own effect is taken away. */
function correlateWithin(xs, ys, levels) {
  const [x, y] = [residuals(xs, levels), residuals(ys, levels)];
  if (xs.length < x.levels + 2) return { n: xs.length, reason: 'too few values within the levels' };
  return correlate(x.left, y.left, [x.scale, y.scale], x.levels - 1);
}

/** The least-squares line of y on x. */
function line(xs, ys) {
  const { mx, my, sxx, sxy } = moments(xs, ys);
  return sxx > 0 ? { slope: sxy / sxx, intercept: my - (sxy / sxx) * mx } : null;
}

/** `ρ = 0.85 [0.63, 0.94], n = 18`, or why there is none. */
function rhoText({ rho, low, high, n, reason }) {
  if (rho === undefined) return `no ρ: ${reason}`;
  const interval = low === null ? '' : ` [${fixed(low, 2)}, ${fixed(high, 2)}]`;
  return `ρ = ${fixed(rho, 2)}${interval}, n = ${n}`;
}
