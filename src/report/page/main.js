/* The page: its head, its sections, what moves between them. */

const THEMES = { auto: 'light dark', light: 'light', dark: 'dark' };

const app = {
  data: null,
  states: {},
  built: {},

  /** Show data; what a reader has chosen stays chosen. */
  show(raw) {
    this.data = decode(raw);
    const runs = (this.states.runs ??= {});
    // Places of runs may be others now.
    runs.picked = null;
    printing.length = 0;
    keepFocus(() => {
      document.getElementById('head').replaceChildren(...headOf(this.data));
      const present = SECTIONS.filter((section) => section.when(this.data));
      document
        .getElementById('contents')
        .replaceChildren(...present.map((section) => el('li', {}, el('a', { href: `#${section.id}` }, section.title))));
      for (const section of SECTIONS) {
        const old = document.getElementById(section.id);
        if (!present.includes(section)) old.replaceChildren();
        old.hidden = !present.includes(section);
      }
      present.forEach((section) => this.rebuild(section.id));
    });
  },

  rebuild(id) {
    if (document.getElementById(id).hidden) return;
    const section = SECTIONS.find((candidate) => candidate.id === id);
    const state = (this.states[id] ??= {});
    keepFocus(() =>
      document
        .getElementById(id)
        .replaceChildren(el('h2', {}, section.title), ...section.build(this.data, state, this).flat().filter(Boolean)),
    );
  },

  /** The runs behind a mark of a figure, in the table. */
  pick(runs) {
    app.states.runs.picked = new Set(runs);
    app.states.runs.show();
    document.getElementById('runs').scrollIntoView();
    say(`${plural(runs.length, 'run')} shown in the table`);
  },

  ranged(runs) {
    app.states.runs.ranged = runs;
    app.states.runs.show();
  },
};

/** Question, standing and origin of the sweep. */
function headOf(data) {
  const counts = new Map();
  for (const run of range(data.runs.count))
    counts.set(data.runs.standing(run), (counts.get(data.runs.standing(run)) ?? 0) + 1);
  const chips = [...counts].map(([standing, count]) =>
    el('li', { class: `standing ${standing}` }, `${grouped(count)} ${standing}`),
  );
  return [
    el('h1', {}, data.title || data.sweep),
    el(
      'ul',
      { class: 'standings', 'aria-label': 'Runs by standing' },
      el('li', {}, plural(data.runs.count, 'run')),
      chips,
    ),
    data.audit && severityCounts(data.audit).length > 0
      ? el('p', { class: 'audited' }, el('a', { href: '#audit' }, 'Audit'), ': ', spaced(severityCounts(data.audit)))
      : null,
    el(
      'details',
      { class: 'origin' },
      el('summary', { 'data-key': 'origin' }, `Sweep ${data.sweep}`),
      el('pre', {}, [data.command, ...data.versions].join('\n')),
    ),
    data.trouble ? el('p', { class: 'error' }, data.trouble) : null,
  ].filter(Boolean);
}

/** Elements with blanks between them. */
const spaced = (nodes) => nodes.flatMap((node, index) => (index === 0 ? [node] : [' ', node]));

function themeChoice() {
  const stored = () => {
    try {
      return localStorage.getItem('sweep-theme');
    } catch {
      return null; // A file may have no storage.
    }
  };
  const use = (theme) => {
    document.documentElement.style.setProperty('--scheme', THEMES[theme] ?? THEMES.auto);
    try {
      localStorage.setItem('sweep-theme', theme);
    } catch {
      // Then it holds for this time alone.
    }
  };
  const theme = Object.hasOwn(THEMES, stored() ?? '') ? stored() : 'auto';
  use(theme);
  return choice(
    'Theme',
    Object.keys(THEMES).map((name) => [name, name]),
    theme,
    'theme',
    use,
  );
}

function begin() {
  document.body.append(
    el('a', { class: 'skip', href: '#main' }, 'To the content'),
    el(
      'nav',
      { 'aria-label': 'Sections' },
      el('ul', { id: 'contents' }),
      el('span', { id: 'live', role: 'status' }),
      themeChoice(),
    ),
    el(
      'main',
      { id: 'main' },
      el('header', { id: 'head' }),
      SECTIONS.map(({ id, title }) => el('section', { id, 'aria-label': title })),
    ),
    el('div', { id: 'say', class: 'unseen', role: 'status', 'aria-live': 'polite' }),
  );
  tip.start();
  addEventListener(
    'resize',
    later(() => ['figures', 'explore', 'curves'].forEach((id) => app.rebuild(id))),
  );
  addEventListener('beforeprint', () => {
    // What is drawn for the print may itself have to be made whole: the list grows meanwhile.
    for (const { owner, before } of printing) if (owner.isConnected) before();
  });
  addEventListener('afterprint', () => printing.forEach((entry) => entry.after()));
  app.show(JSON.parse(document.getElementById('data').textContent));
  if (document.documentElement.dataset.mode === 'live') watch(app);
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  document.documentElement.dataset.ready = 'yes';
}

/** `action` once nothing has asked for it for a moment, and only where the width is another one. */
function later(action) {
  let [timer, width] = [0, innerWidth];
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (innerWidth !== width) action();
      width = innerWidth;
    }, 150);
  };
}

begin();
