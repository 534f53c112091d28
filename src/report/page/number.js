/* Numbers as people read them, with the same digits as the tables of the report. */

/** `value` with so many decimals; ties go to the even digit, as in the report's other files, never `-0.0`. */
function fixed(value, decimals) {
  let text = Math.abs(value).toFixed(decimals);
  // Where the binary value lies exactly between two decimal ones, `toFixed` takes the larger.
  const digits = Math.abs(value).toFixed(Math.min(100, decimals + 30));
  const rest = decimals === 0 ? digits.split('.')[1] : digits.slice(-30);
  if (Math.abs(value) < 1e21 && /^50*$/.test(rest)) {
    const down = decimals === 0 ? digits.split('.')[0] : digits.slice(0, -30);
    if (/[02468]$/.test(down)) text = down;
  }
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Three or more digits that matter, for axes and curves. */
function brief(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [digits, power] = value.toExponential(2).split('e');
    return `${Number(digits)}e${Number(power)}`.replace(/-/g, '−');
  }
  return String(Number(value.toPrecision(4))).replace('-', '−');
}

/** Counts of samples and steps on axes: `200k`, `7M`. */
function amount(value) {
  for (const [size, letter] of [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]) {
    if (Math.abs(value) >= size) return `${brief(value / size)}${letter}`;
  }
  return brief(value);
}

function duration(seconds) {
  if (seconds < 60) return `${brief(Number(seconds.toPrecision(3)))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${fixed(seconds / 3600, seconds < 36000 ? 2 : 1)} h`;
}

/** Numbers first by size, then texts by name with the numbers in them by size; what is missing comes last. */
const collator = new Intl.Collator('en', { numeric: true });
function compare(left, right) {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'number') return -1;
  if (typeof right === 'number') return 1;
  return collator.compare(left, right);
}
