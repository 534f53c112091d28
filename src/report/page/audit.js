/* What a sceptical reviewer would say: every finding of the audit, with its evidence and what to do. */

const SEVERITIES = {
  error: ['✕', 'A contradiction: two things that should be equal are not.'],
  warning: ['▲', 'It wants an explanation that the store does not hold.'],
  note: ['○', 'Worth knowing; nothing may be wrong.'],
};
/** Findings, and lines of evidence of one, that are shown before somebody asks for more. */
const FIRST_FINDINGS = 60;
const FIRST_LINES = 6;

const severityMark = (severity, text = severity) =>
  el(
    'span',
    { class: `severity ${severity}`, title: SEVERITIES[severity][1] },
    el('span', { 'aria-hidden': 'true' }, `${SEVERITIES[severity][0]} `),
    text,
  );

/** How many findings are open, by severity: for the head of the page and of the section. */
function severityCounts(audit) {
  const open = audit.findings.filter((finding) => finding.accepted === null);
  const counts = Object.keys(SEVERITIES)
    .map((severity) => [severity, open.filter((finding) => finding.severity === severity).length])
    .filter(([, count]) => count > 0);
  return counts.map(([severity, count]) => severityMark(severity, plural(count, severity)));
}

function auditSection({ audit }, state) {
  const rules = new Map(audit.rules.map((rule) => [rule.name, rule.what]));
  const accepted = audit.findings.filter((finding) => finding.accepted !== null).length;
  const [status, list] = [el('p', { role: 'status', class: 'result' }), el('div')];
  state.text ??= '';
  const set = (key) => (value) => {
    state[key] = value;
    show();
  };
  const box = el('input', {
    type: 'search',
    value: state.text,
    'data-key': 'audit-text',
    spellcheck: 'false',
    placeholder: 'words of a finding',
    on: { input: () => set('text')(box.value) },
  });
  const present = (read) => [...new Set(audit.findings.map(read))];
  const severities = Object.keys(SEVERITIES).filter((severity) => present((f) => f.severity).includes(severity));
  // What was chosen may be gone by now.
  if (!severities.includes(state.severity)) state.severity = '';
  if (!present((finding) => finding.rule).includes(state.rule)) state.rule = '';

  function show() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const asked = (finding) =>
      (state.severity === '' || finding.severity === state.severity) &&
      (state.rule === '' || finding.rule === state.rule) &&
      words.every((word) => textOf(finding).includes(word));
    const found = audit.findings.filter(asked);
    const shown = state.whole ? found : found.slice(0, FIRST_FINDINGS);
    status.textContent = `${grouped(found.length)} of ${plural(audit.findings.length, 'finding')}`;
    keepFocus(() =>
      list.replaceChildren(
        ...shown.map((finding) => findingCard(finding, rules.get(finding.rule), state)),
        ...(shown.length < found.length
          ? [button(`Show the other ${grouped(found.length - shown.length)}`, 'audit-whole', () => set('whole')(true))]
          : []),
      ),
    );
  }
  show();
  const looked = audit.coverage.map((line) => el('p', { class: 'help' }, line));
  if (audit.findings.length === 0) return [el('p', {}, 'Nothing to report.'), looked];
  const counts = severityCounts(audit);
  return [
    el(
      'ul',
      { class: 'counts', 'aria-label': 'Findings by severity' },
      counts.map((count) => el('li', {}, count)),
      counts.length === 0 ? el('li', {}, 'nothing is open') : null,
      accepted > 0 ? el('li', {}, `${grouped(accepted)} accepted`) : null,
    ),
    looked,
    el(
      'div',
      { class: 'controls' },
      choice('Severity', [['', 'all'], ...severities.map((s) => [s, s])], state.severity, 'audit-severity', set('severity')),
      choice(
        'Rule',
        [['', 'all'], ...present((finding) => finding.rule).map((rule) => [rule, rule])],
        state.rule,
        'audit-rule',
        set('rule'),
      ),
      el('label', { class: 'choice wide' }, el('span', {}, 'Filter'), box),
    ),
    status,
    list,
  ];
}

const textOf = (finding) =>
  [finding.rule, finding.severity, finding.subject, finding.message, ...finding.evidence, finding.advice]
    .join('\n')
    .toLowerCase();

function findingCard(finding, what, state) {
  const id = `finding-${finding.fingerprint}`;
  const { place } = finding;
  const opened = (state.opened ??= new Set());
  const [first, rest] = [finding.evidence.slice(0, FIRST_LINES), finding.evidence.slice(FIRST_LINES)];
  const lines = (texts, options = {}) =>
    el(
      'ul',
      { class: 'evidence', ...options },
      texts.map((text) => el('li', {}, text)),
    );
  // On paper all lines are there, hence no `details`.
  const more = () => {
    const list = lines(rest, { class: 'evidence further', id: `${id}-further` });
    const show = (isOpen) => {
      list.classList.toggle('folded', !isOpen);
      opener.setAttribute('aria-expanded', String(isOpen));
      opener.textContent = isOpen ? 'Less' : `${plural(rest.length, 'further line')} of evidence`;
    };
    const flip = () => {
      if (!opened.delete(id)) opened.add(id);
      show(opened.has(id));
    };
    const opener = button('', `${id}-more`, flip, { class: 'more', 'aria-controls': list.id });
    show(opened.has(id));
    return [list, opener];
  };
  return el(
    'article',
    { class: 'card finding', 'aria-labelledby': id },
    el('header', {}, el('h3', { id }, finding.subject), severityMark(finding.severity)),
    el('p', {}, finding.message),
    first.length > 0 ? lines(first) : null,
    rest.length > 0 ? more() : null,
    el('p', { class: 'advice' }, el('b', {}, 'Advice: '), finding.advice),
    finding.accepted === null ? null : el('p', { class: 'accepted' }, el('b', {}, 'Accepted: '), finding.accepted),
    el(
      'p',
      { class: 'rule' },
      el('span', { title: what ?? '' }, finding.rule),
      place ? `, ${place.file}${place.line === null ? '' : `:${place.line}`}` : null,
      ', ',
      el('code', {}, finding.fingerprint),
    ),
  );
}
