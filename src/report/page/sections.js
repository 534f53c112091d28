/* The sections of the page, in the order in which a reader asks. Each is {id, title, when(data), build(data, state, app)}. */

const SECTIONS = [
  { id: 'conclusions', title: 'Conclusions', when: (data) => data.conclusions.length > 0, build: conclusions },
  { id: 'figures', title: 'Figures', when: (data) => data.reports.length > 0, build: figures },
  { id: 'explore', title: 'Explore', when: (data) => data.frames.some((frame) => frame.count > 1), build: explore },
  {
    id: 'curves',
    title: 'Training',
    when: (data) => data.curves.curves.length > 0,
    build: (data, state) => [curvesCard(data, state)],
  },
  { id: 'runs', title: 'Runs', when: (data) => data.runs.count > 0, build: runsSection },
  { id: 'costs', title: 'Costs', when: (data) => data.tasks.count > 0, build: costs },
  { id: 'failures', title: 'Failures', when: () => true, build: failures },
  { id: 'audit', title: 'Audit', when: (data) => data.audit !== null, build: auditSection },
];

const CARDS = {
  heatmap: heatmapCard,
  correlation: correlationCard,
  scaling: scalingCard,
  bars: scalingCard,
  scatter: scatterCard,
  table: tableCard,
};

function figures(data, state, app) {
  return data.reports.map((report) => CARDS[report.kind](data, report, (state[report.name] ??= {}), app.pick));
}

function tableCard(data, report, state) {
  const draw = () => ({
    body: cellTable(data, report, measuresOf(data, report.frame, report.measures), state, report.name),
  });
  return reportCard(report, [...anchorNotes(data, report), ...report.caption], state, draw);
}

/** Any grid, any metric, any axis: the same figures with nothing chosen in advance. */
function explore(data, state, app) {
  const whole = data.frames.filter((frame) => frame.filter === '' && frame.count > 1);
  const frames = whole.length > 0 ? whole : data.frames.filter((frame) => frame.count > 1);
  state.frame ??= 0;
  const frame = frames[state.frame] ?? frames[0];
  const own = (state[`frame ${frame.grid}`] ??= {});
  const blank = (name, title) => ({
    name,
    title,
    frame,
    x: [],
    y: null,
    by: null,
    log_x: frame.varied.some((axis) => spans(axis)),
    decimals: null,
    measures: [],
    stamp: null,
    caption: [],
    anchors: [],
    files: [],
  });
  const part = (name) => (own[name] ??= {});
  const two = frame.varied.length > 1;
  return [
    el(
      'div',
      { class: 'controls' },
      choice(
        'Grid',
        frames.map((each, index) => [index, each.title || each.grid]),
        state.frame,
        'explore-grid',
        (value) => {
          state.frame = Number(value);
          app.rebuild('explore');
        },
      ),
    ),
    correlationCard(data, blank('explore-correlation', 'Any two metrics'), part('correlation'), app.pick),
    scalingCard(
      data,
      { ...blank('explore-scaling', 'Any metric along any factor'), kind: 'scaling' },
      part('scaling'),
      app.pick,
    ),
    two
      ? heatmapCard(
          data,
          blank('explore-heatmap', 'Any metric over two factors'),
          start(part('heatmap'), data, frame),
          app.pick,
        )
      : null,
    parallelCard(data, (state.parallel ??= {}), app.ranged),
  ];
}

/** One panel to start with. */
function start(state, data, frame) {
  state.measure ??= measuresOf(data, frame)[0];
  return state;
}

/** Whether the levels of an axis are positive numbers over more than a power of ten. */
function spans(axis) {
  if (axis.values === null) return false;
  const values = axis.present.map((level) => axis.values[level]);
  return Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values);
}

const HOURS = 3600;

/** What each stage took. Tasks that runs share are counted once. */
function costs(data, state) {
  const { tasks } = data;
  const rows = data.stages.map((stage, index) => ({
    ...stage,
    index,
    of: 0,
    done: 0,
    seconds: 0,
    gpu: 0,
    attempts: 0,
    uses: 0,
  }));
  for (const task of range(tasks.count)) {
    const row = rows[at(tasks.stage, task)];
    const seconds = at(tasks.seconds, task) ?? 0;
    row.of += 1;
    row.done += at(tasks.standing, task) === 'done' ? 1 : 0;
    row.seconds += seconds;
    row.gpu += seconds * at(tasks.gpus, task);
    row.attempts += at(tasks.attempts, task);
    row.uses += at(tasks.runs, task);
  }
  const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
  const most = Math.max(...rows.map((row) => row.seconds), 1);
  const number = (label, sort, text) => ({ label, align: 'number', sort, text });
  const columns = [
    { label: 'Stage', text: (row) => row.name },
    { label: 'Kind', text: (row) => row.kind },
    number(
      'Tasks',
      (row) => row.of,
      (row) => grouped(row.of),
    ),
    number(
      'Done',
      (row) => row.done,
      (row) => grouped(row.done),
    ),
    number(
      'Attempts',
      (row) => row.attempts,
      (row) => grouped(row.attempts),
    ),
    number(
      'Spared by sharing',
      (row) => row.uses - row.of,
      (row) => grouped(row.uses - row.of),
    ),
    number(
      'Time',
      (row) => row.seconds,
      (row) => (row.seconds > 0 ? duration(row.seconds) : ''),
    ),
    number(
      'GPU-hours',
      (row) => row.gpu,
      (row) => (row.gpu > 0 ? fixed(row.gpu / HOURS, 2) : ''),
    ),
    {
      label: 'Share',
      text: (row) => `${Math.round((100 * row.seconds) / Math.max(1e-9, total('seconds')))}%`,
      sort: (row) => row.seconds,
      node: (row) =>
        el('meter', { min: 0, max: most, value: row.seconds, 'aria-label': `${row.name}: ${duration(row.seconds)}` }),
    },
  ];
  const words =
    total('seconds') > 0
      ? `${duration(total('seconds'))} of work in ${plural(total('done'), 'task')} that succeeded${total('gpu') > 0 ? `, ${fixed(total('gpu') / HOURS, 1)} GPU-hours` : ''}. Tasks that runs share are counted once.`
      : 'No task of this sweep has been timed: its scores were imported, or nothing has ended yet.';
  return [
    el('p', {}, words),
    dataTable({ caption: 'Costs by stage', columns, rows, state: (state.table ??= {}), key: 'costs' }),
  ];
}

function failures(data, state) {
  if (data.failures.length === 0) return [el('p', {}, 'No task has failed.')];
  const { runs, tasks } = data;
  const stage = (failure) => data.stages[at(tasks.stage, failure.task)].name;
  const columns = [
    { label: 'Task', text: (failure) => failure.id },
    { label: 'Stage', text: stage },
    { label: 'Reason', text: (failure) => failure.reason.replaceAll('-', ' ') },
    {
      label: 'Attempts',
      align: 'number',
      text: (failure) => String(failure.attempts),
      sort: (failure) => failure.attempts,
    },
    { label: 'Then', text: (failure) => (failure.retry ? 'tried again' : 'given up') },
    {
      label: 'Runs',
      align: 'number',
      text: (failure) => grouped(at(tasks.runs, failure.task)),
      sort: (failure) => at(tasks.runs, failure.task),
    },
    {
      label: 'For example',
      text: (failure) => runs.name(at(tasks.run, failure.task)) || runs.short(at(tasks.run, failure.task)),
    },
    {
      label: 'Last words',
      text: (failure) => data.text(failure.message),
      node: (failure) => el('span', { class: 'words' }, data.text(failure.message)),
    },
  ];
  return [
    el(
      'p',
      {},
      `${plural(data.failures.length, 'task')} failed. `,
      el('code', {}, 'sweep logs TASK'),
      ' shows what each printed.',
    ),
    dataTable({ caption: 'Failures', columns, rows: data.failures, state: (state.table ??= {}), key: 'failures' }),
  ];
}
