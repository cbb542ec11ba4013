// The table of guests, each below what it stands on. One that changes costs its own row.

import { at, count, healthMark, make, many, mark, place } from './make.js';
import { draws, site, soon } from './site.js';

const rows = new Map();
let order = [];

// The order of the table, and how deep each stands.
function ordered() {
  count('orders');
  const below = (guest) => guest.standsOn.find((one) => site.guests.has(one));
  const above = new Map();
  const roots = [];
  for (const guest of [...site.guests.values()].sort((a, b) => a.vmid - b.vmid)) {
    const parent = below(guest);
    if (parent === undefined) roots.push(guest);
    else if (above.has(parent)) above.get(parent).push(guest);
    else above.set(parent, [guest]);
  }
  const found = [];
  const seen = new Set();
  const visit = (guest, depth) => {
    if (seen.has(guest.guest)) return;
    seen.add(guest.guest);
    found.push([guest.guest, depth]);
    for (const one of above.get(guest.guest) || []) visit(one, depth + 1);
  };
  for (const guest of roots) visit(guest, 0);
  return found;
}

const COLUMNS = ['Guest', 'Host', 'State', 'Step', 'Health', 'Since', 'Next'];

function begin() {
  const row = make('tr');
  const [guest, ...others] = COLUMNS.map((is) => {
    const cell = make('td');
    cell.dataset.is = is;
    return cell;
  });
  const [deep, link] = [document.createTextNode(''), make('a')];
  guest.append(deep, link);
  row.append(guest, ...others);
  return { row, deep, link, cells: others, text: '', stands: '' };
}

function fill(known, guest, depth) {
  const text = JSON.stringify([guest, depth]);
  if (known.text === text) return;
  known.text = text;
  count('rows');
  const [sign, name] = mark(guest.state);
  const [healthSign, healthName] = healthMark(guest.health);
  known.deep.data = depth > 0 ? `${'\u00a0\u00a0'.repeat(depth - 1)}└ ` : '';
  known.link.textContent = `${guest.vmid} ${guest.name}`;
  known.link.href = `#${guest.vmid}`;
  const shown = [
    [guest.host, ''], [sign + guest.state, name], [guest.stepOf, ''],
    [guest.health ? healthSign + guest.health.text : '', healthName], [guest.since, ''], [guest.next, ''],
  ];
  shown.forEach(([what, as], nth) => {
    const cell = known.cells[nth];
    if (cell.textContent !== (what || '')) cell.textContent = what;
    if (cell.className !== as) cell.className = as;
  });
}

function isWanted(guest) {
  const wanted = at('filter').value.trim().toLowerCase();
  const text = [guest.vmid, guest.name, guest.host, guest.state, guest.health && guest.health.text];
  return wanted === '' || text.join(' ').toLowerCase().includes(wanted);
}

// Says whether the order holds still although these guests are new.
function holds(those) {
  return [...those].every((key) => {
    const known = rows.get(key);
    return known && known.stands === site.guests.get(key).standsOn.join();
  });
}

function draw(those, kinds) {
  if (kinds.has('all') || !holds(those)) {
    order = ordered();
    for (const key of rows.keys()) if (!site.guests.has(key)) rows.delete(key);
    those = new Set(site.guests.keys());
  }
  for (const [key, depth] of order) {
    if (!those.has(key)) continue;
    const guest = site.guests.get(key);
    if (!rows.has(key)) rows.set(key, begin());
    rows.get(key).stands = guest.standsOn.join();
    fill(rows.get(key), guest, depth);
  }
  const shown = order.filter(([key]) => isWanted(site.guests.get(key)));
  place(at('guests'), shown.map(([key]) => rows.get(key).row));
}

function sum() {
  const guests = [...site.guests.values()];
  const is = (guest, how) => mark(guest.state)[1] === how;
  const bad = guests.filter((guest) => is(guest, 'bad') || healthMark(guest.health)[1] === 'bad').length;
  const busy = guests.filter((guest) => is(guest, 'busy')).length;
  at('sum').textContent = [
    many(guests.length, 'guest', 'guests'), `${busy} at work`, `${bad} not well`,
    many(site.incidents.length, 'incident', 'incidents'),
  ].join(' · ');
  const open = bad + site.incidents.length;
  document.title = open > 0 ? `(${open}) Phoenix` : 'Phoenix';
}

draws(['all', 'guests', 'filter'], draw);
draws(['all', 'guests', 'incidents'], sum);
at('filter').addEventListener('input', () => soon('filter'));
