/* The table of runs: what was configured, where it stands, what came out. */

function runColumns(data) {
  const { runs } = data;
  const factors = data.factors.filter((factor) => factor.varied);
  const measured = data.measures.filter((measure) =>
    range(runs.count).some((run) => runs.value(run, measure.position) !== null),
  );
  return [
    {
      label: 'Run',
      names: ['run', 'id'],
      text: (run) => runs.short(run),
      value: runs.id,
      title: 'The first digits of the run’s identity',
    },
    {
      label: 'Standing',
      names: ['standing', 'state', 'status'],
      text: runs.standing,
      value: runs.standing,
      node: (run) => el('span', { class: `standing ${runs.standing(run)}` }, runs.standing(run)),
    },
    ...factors.map((factor) => ({
      label: factor.label,
      names: [factor.name, factor.label],
      text: (run) => runs.label(run, factor.position),
      value: (run) => runs.number(run, factor.position) ?? runs.label(run, factor.position),
      align: factor.values ? 'number' : '',
    })),
    ...measured.map((measure) => ({
      label: measure.heading,
      names: [measure.name, measure.label],
      align: 'number',
      firstDescending: measure.better === 'high',
      value: (run) => runs.value(run, measure.position),
      text: (run) =>
        runs.value(run, measure.position) === null
          ? ''
          : fixed(runs.value(run, measure.position), runs.decimals(measure.position)),
    })),
    {
      label: 'Time',
      names: ['time', 'seconds'],
      align: 'number',
      value: runs.seconds,
      title: 'Of all its tasks, shared ones included',
      text: (run) => (runs.seconds(run) === null ? '' : duration(runs.seconds(run))),
    },
  ].map((column) => ({ sort: column.value, ...column }));
}

function runsSection(data, state) {
  const columns = runColumns(data);
  const [status, chips, holder, compared] = [
    el('p', { role: 'status', class: 'result' }),
    el('div', { class: 'controls' }),
    el('div'),
    el('div'),
  ];
  state.text ??= '';
  state.chosen ??= [];
  const box = el('input', {
    type: 'search',
    value: state.text,
    'data-key': 'runs-filter',
    'aria-describedby': 'runs-help',
    spellcheck: 'false',
    placeholder: example(data),
    on: {
      input: () => {
        state.text = box.value;
        show();
      },
    },
  });
  const first = {
    label: 'Compare',
    text: () => '',
    sort: (run) => -state.chosen.indexOf(data.runs.id(run)),
    node: (run) => tick(run),
  };

  function tick(run) {
    const id = data.runs.id(run);
    const input = el('input', {
      type: 'checkbox',
      checked: state.chosen.includes(id),
      'aria-label': `Compare run ${data.runs.short(run)}`,
      'data-key': `runs-tick-${id}`,
      on: {
        change: () => {
          state.chosen = input.checked ? [...state.chosen, id].slice(-2) : state.chosen.filter((known) => known !== id);
          show();
          showPair();
        },
      },
    });
    return input;
  }

  function showPair() {
    const pair = state.chosen
      .map((id) => range(data.runs.count).find((run) => data.runs.id(run) === id))
      .filter((run) => run !== undefined);
    compared.replaceChildren(
      ...(pair.length === 2
        ? [difference(data, pair)]
        : pair.length === 1
          ? [el('p', {}, `Run ${data.runs.short(pair[0])} is chosen; choose another one to compare it with.`)]
          : []),
    );
  }

  function show() {
    const filter = parseFilter(state.text, columns);
    const test = filter.test ?? (() => true);
    const sets = [state.picked, state.ranged].filter(Boolean);
    const rows = range(data.runs.count).filter((run) => sets.every((set) => set.has(run)) && test(run));
    box.setAttribute('aria-invalid', String(Boolean(filter.error)));
    status.textContent = filter.error ?? `${grouped(rows.length)} of ${plural(data.runs.count, 'run')}`;
    status.classList.toggle('error', Boolean(filter.error));
    const chip = (key, text) =>
      state[key]
        ? button(
            `${text}: ${plural(state[key].size, 'run')} ×`,
            `runs-${key}`,
            () => {
              state[key] = null;
              show();
            },
            { 'aria-label': `Show all runs again, not only the ${state[key].size} of: ${text}` },
          )
        : null;
    keepFocus(() => {
      chips.replaceChildren(...[chip('picked', 'chosen in a figure'), chip('ranged', 'in the ranges')].filter(Boolean));
      printing.splice(
        0,
        printing.length,
        ...printing.filter((entry) => entry.owner.isConnected && !holder.contains(entry.owner)),
      );
      holder.replaceChildren(
        dataTable({ caption: 'Runs', columns: [first, ...columns], rows, state: (state.table ??= {}), key: 'runs' }),
      );
    });
  }

  show();
  showPair();
  state.show = show;
  return [
    el('div', { class: 'controls' }, el('label', { class: 'choice wide' }, el('span', {}, 'Filter'), box)),
    el(
      'p',
      { id: 'runs-help', class: 'help' },
      'Words that a row must have, or comparisons such as ',
      el('code', {}, example(data)),
      '. A click on a head sorts; two ticks compare.',
    ),
    chips,
    status,
    holder,
    compared,
  ];
}

/** A filter that this sweep would understand. */
function example(data) {
  const quote = (name) => (/^[^\s"=!<>&]+$/.test(name) ? name : `"${name}"`);
  const factor = data.factors.find((candidate) => candidate.varied);
  const measure = data.measures.find((candidate) =>
    range(data.runs.count).some((run) => data.runs.value(run, candidate.position) !== null),
  );
  const level = factor && data.runs.label(data.runs.count - 1, factor.position);
  const value =
    measure &&
    range(data.runs.count)
      .map((run) => data.runs.value(run, measure.position))
      .find((known) => known !== null);
  const parts = [
    factor && `${quote(factor.name)} == ${quote(level)}`,
    measure &&
      `${quote(measure.name)} ${measure.better === 'low' ? '<' : '>'} ${fixed(value, data.runs.decimals(measure.position)).replace('−', '-')}`,
  ];
  return parts.filter(Boolean).join(' && ') || 'failed';
}
