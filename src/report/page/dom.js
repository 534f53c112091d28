/* Elements. Text only ever becomes text nodes: nothing here or elsewhere parses markup. */

const SVG = 'http://www.w3.org/2000/svg';
let lastId = 0;

/** An identity that no other element of the page has. */
const freshId = (stem) => `${stem}-${(lastId += 1)}`;

/** An HTML element; `on` holds listeners, `style` custom properties and styles, everything else is an attribute. */
function el(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** The same for SVG. */
function svg(tag, options = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

function fill(node, { on = {}, style = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A labelled choice among `options`, a list of [value, text]; a single option needs no choice. */
function choice(label, options, value, key, onChange) {
  if (options.length < 2) return null;
  const entries = options.map(([own, text]) =>
    el('option', { value: own, selected: String(own) === String(value) }, text),
  );
  const select = el('select', { 'data-key': key, on: { change: () => onChange(select.value) } }, entries);
  return el('label', { class: 'choice' }, el('span', {}, label), select);
}

/** A labelled switch. */
function toggle(label, checked, key, onChange) {
  const box = el('input', { type: 'checkbox', checked, 'data-key': key, on: { change: () => onChange(box.checked) } });
  return el('label', { class: 'toggle' }, box, label);
}

function button(text, key, onClick, options = {}) {
  return el('button', { type: 'button', 'data-key': key, on: { click: onClick }, ...options }, text);
}

/** Say something to those who listen to the page. */
function say(text) {
  document.getElementById('say').textContent = text;
}

/** What has to be whole on paper: (before, after) each printing. */
const printing = [];
