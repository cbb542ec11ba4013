// Makes what is shown. Every text comes from files and programs of others, so all of it is set as text and
// none as markup; and what shows the same already is left alone, focus and all.

export const at = (id) => document.getElementById(id);

// How many lines of what happens are kept.
export const SHOWN = 200;

export function make(kind, text, name) {
  const element = document.createElement(kind);
  if (text !== undefined && text !== null) element.textContent = text;
  if (name) element.className = name;
  return element;
}

export function button(text, about, press) {
  const element = make('button', text);
  element.type = 'button';
  element.setAttribute('aria-label', `${text}: ${about}`);
  element.addEventListener('click', press);
  return element;
}

// Counts what was made or written anew, where a test can read it.
export function count(what) {
  const counts = document.body.dataset;
  counts[what] = Number(counts[what] || 0) + 1;
}

// Puts these nodes below a parent, unless they are there already.
export function place(parent, nodes) {
  const is = parent.children;
  if (is.length !== nodes.length || nodes.some((node, nth) => node !== is[nth])) {
    parent.replaceChildren(...nodes);
  }
}

const kept = new Map();

// Shows one node for each item below a parent; only items that are otherwise than before are made anew.
export function keep(parent, items, key, render, empty) {
  const before = kept.get(parent) || new Map();
  const now = new Map();
  for (const item of items) {
    const text = JSON.stringify(item);
    const known = before.get(key(item));
    if (!known || known.text !== text) count('made');
    now.set(key(item), known && known.text === text ? known : { text, node: render(item) });
  }
  kept.set(parent, now);
  const nodes = [...now.values()].map((one) => one.node);
  const pressed = parent.contains(document.activeElement) && document.activeElement.getAttribute('aria-label');
  if (nodes.length) place(parent, nodes);
  else if (parent.textContent !== empty || !empty) {
    parent.replaceChildren(...(empty ? [make(parent.tagName === 'OL' ? 'li' : 'p', empty)] : []));
  }
  // Whoever stood on a button stands on the one that took its place.
  if (pressed && !parent.contains(document.activeElement)) {
    const same = [...parent.querySelectorAll('button')].find((one) => one.getAttribute('aria-label') === pressed);
    if (same) same.focus();
  }
}

export const many = (number, one, more) => `${number} ${number === 1 ? one : more}`;

export function mark(state) {
  if (['failed', 'dead', 'question', 'blocked', 'retry-wait', 'gone-back'].includes(state)) return ['✗ ', 'bad'];
  if (['working', 'requested', 'restarting', 'stopping', 'waiting'].includes(state)) return ['… ', 'busy'];
  return ['✓ ', 'good'];
}

export function healthMark(health) {
  if (!health) return ['', ''];
  if (health.state === 'healthy') return ['✓ ', 'good'];
  if (health.state === 'failed') return ['✗ ', 'bad'];
  return ['… ', 'busy'];
}

export function line(event) {
  const item = make('li', undefined, event.isBad ? 'bad' : '');
  item.append(make('time', event.time), ` ${event.vmid} ${event.name}  ${event.text}`);
  return item;
}
