// Shows what the server tells. Every text comes from files and programs of others, so all of it is set as
// text and none as markup.
'use strict';

const SHOWN = 200;
const at = (id) => document.getElementById(id);
const guests = new Map();
const rows = new Map();
let incidents = [];
let waiting = false;
let opened = 0;

function make(kind, text, name) {
  const element = document.createElement(kind);
  if (text !== undefined && text !== null) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function mark(state) {
  if (['failed', 'dead', 'question', 'blocked', 'retry-wait'].includes(state)) return ['✗ ', 'bad'];
  if (['working', 'requested', 'restarting', 'stopping', 'waiting'].includes(state)) return ['… ', 'busy'];
  return ['✓ ', 'good'];
}

function healthMark(health) {
  if (!health) return ['', ''];
  if (health.state === 'healthy') return ['✓ ', 'good'];
  if (health.state === 'failed') return ['✗ ', 'bad'];
  return ['… ', 'busy'];
}

// Guests below what they stand on: the order of the table, and how deep each stands.
function ordered() {
  const below = (guest) => guest.standsOn.find((one) => guests.has(one));
  const above = new Map();
  const roots = [];
  for (const guest of [...guests.values()].sort((a, b) => a.vmid - b.vmid)) {
    const parent = below(guest);
    if (parent === undefined) roots.push(guest);
    else above.set(parent, [...(above.get(parent) || []), guest]);
  }
  const order = [];
  const seen = new Set();
  const visit = (guest, depth) => {
    if (seen.has(guest.guest)) return;
    seen.add(guest.guest);
    order.push([guest, depth]);
    for (const one of above.get(guest.guest) || []) visit(one, depth + 1);
  };
  for (const guest of roots) visit(guest, 0);
  return order;
}

function fill(row, guest, depth) {
  const [sign, name] = mark(guest.state);
  const [healthSign, healthName] = healthMark(guest.health);
  const link = make('a', `${guest.vmid} ${guest.name}`);
  link.href = `#${guest.vmid}`;
  const cells = [
    ['Guest', link, ''], ['Host', guest.host, ''], ['State', sign + guest.state, name],
    ['Step', guest.stepOf, ''], ['Health', guest.health ? healthSign + guest.health.text : '', healthName],
    ['Since', guest.since, ''], ['Next', guest.next, ''],
  ];
  row.replaceChildren(...cells.map(([is, shown, as]) => {
    const cell = make('td', shown instanceof Node ? undefined : shown, as);
    if (shown instanceof Node) {
      if (depth > 0) cell.append('\u00a0\u00a0'.repeat(depth - 1), '└ ');
      cell.append(shown);
    }
    cell.dataset.is = is;
    return cell;
  }));
}

function isWanted(guest) {
  const wanted = at('filter').value.trim().toLowerCase();
  const text = [guest.vmid, guest.name, guest.host, guest.state, guest.health && guest.health.text];
  return wanted === '' || text.join(' ').toLowerCase().includes(wanted);
}

function draw() {
  waiting = false;
  const shown = [];
  for (const [guest, depth] of ordered()) {
    let known = rows.get(guest.guest);
    if (!known) rows.set(guest.guest, known = { row: make('tr') });
    if (known.of !== guest || known.depth !== depth) {
      fill(known.row, guest, depth);
      known.of = guest;
      known.depth = depth;
    }
    if (isWanted(guest)) shown.push(known.row);
  }
  const table = at('guests');
  const is = [...table.children];
  if (is.length !== shown.length || is.some((row, nth) => row !== shown[nth])) {
    table.replaceChildren(...shown);
  }
  const count = (test) => [...guests.values()].filter(test).length;
  const bad = count((guest) => mark(guest.state)[1] === 'bad' || healthMark(guest.health)[1] === 'bad');
  const busy = count((guest) => mark(guest.state)[1] === 'busy');
  const many = (number, one, more) => `${number} ${number === 1 ? one : more}`;
  at('sum').textContent = [
    many(guests.size, 'guest', 'guests'), `${busy} at work`, `${bad} not well`,
    many(incidents.length, 'incident', 'incidents'),
  ].join(' · ');
  document.title = bad + incidents.length > 0 ? `(${bad + incidents.length}) Phoenix` : 'Phoenix';
  if (opened) about();
}

function soon() {
  if (!waiting) {
    waiting = true;
    requestAnimationFrame(draw);
  }
}

function drawIncidents() {
  const cards = incidents.map((incident) => {
    const card = make('article', undefined, 'card');
    card.append(make('strong', `${incident.severity.toUpperCase()} ${incident.id}  ${incident.text}`));
    card.append(make('p', `since ${incident.opened}`));
    for (const one of incident.tried) card.append(make('p', `tried: ${one}`));
    card.append(make('p', `next: ${incident.next}`));
    const commands = incident.commands.map((command) => command.line);
    if (commands.length) card.append(make('pre', commands.join('\n')));
    return card;
  });
  at('incidents').replaceChildren(...(cards.length ? cards : [make('p', 'none')]));
}

function drawHosts(hosts, monitor) {
  const lines = hosts.map((host) => make('p',
    `${host.isAlive ? '✓' : '✗ no worker heard since ' + host.heard} ${host.host}: ${host.busy} at work` +
    (host.notWell ? `; not well: ${host.notWell}` : ''), host.isAlive ? '' : 'bad'));
  lines.push(monitor
    ? make('p', `health monitor: ${monitor.mode}${monitor.breaker ? '; the breaker is open: ' + monitor.breaker.why : ''}`)
    : make('p', '✗ no health monitor answers', 'bad'));
  at('hosts').replaceChildren(...lines);
}

function line(event) {
  const item = make('li', undefined, event.isBad ? 'bad' : '');
  item.append(make('time', event.time), ` ${event.vmid} ${event.name}  ${event.text}`);
  return item;
}

function about() {
  const guest = [...guests.values()].find((one) => one.vmid === opened);
  at('guest-title').textContent = guest ? `${guest.vmid} ${guest.name}` : `${opened}: no such guest`;
  const facts = guest ? [
    `${guest.state} since ${guest.since}, revision ${guest.revision}, on ${guest.host}`,
    guest.health ? `health: ${guest.health.text} (${guest.health.probe}) since ${guest.health.since}` : '',
    guest.addresses.length ? `addresses: ${guest.addresses.join(', ')}` : '',
    guest.standsOn.length ? `stands on: ${guest.standsOn.join(', ')}` : '',
    guest.failure ? `went wrong last: ${guest.failure.what}` : '',
    guest.failure && guest.failure.advice ? `advice: ${guest.failure.advice}` : '',
    `phoenix logs ${guest.vmid}   phoenix history ${guest.vmid}   phoenix health ${guest.vmid}`,
  ].filter(Boolean) : [];
  at('about').replaceChildren(...facts.map((fact) => make('p', fact)));
}

async function open() {
  opened = Number(location.hash.slice(1)) || 0;
  at('guest').hidden = !opened;
  if (!opened) return;
  about();
  at('guest-title').focus();
  const asked = opened;
  const answer = await fetch(`/api/v1/guests/${asked}/history`).catch(() => null);
  const told = answer && answer.ok ? await answer.json() : { events: [] };
  if (asked === opened) at('history').replaceChildren(...told.events.reverse().slice(0, SHOWN).map(line));
}

function take(all) {
  guests.clear();
  rows.clear();
  for (const guest of all.guests) guests.set(guest.guest, guest);
  incidents = all.incidents;
  drawIncidents();
  drawHosts(all.hosts, all.monitor);
  soon();
}

const source = new EventSource('/api/v1/events');
source.addEventListener('open', () => { at('link').textContent = ''; });
source.addEventListener('error', () => {
  at('link').textContent = 'the server is not there; what is shown may be old';
});
source.addEventListener('all', (event) => take(JSON.parse(event.data)));
source.addEventListener('guests', (event) => {
  for (const guest of JSON.parse(event.data)) guests.set(guest.guest, guest);
  soon();
});
source.addEventListener('happened', (event) => {
  const told = JSON.parse(event.data);
  const list = at('happened');
  list.prepend(line(told));
  while (list.children.length > SHOWN) list.lastChild.remove();
  if (told.vmid === opened) at('history').prepend(line(told));
});
addEventListener('hashchange', open);
at('filter').addEventListener('input', soon);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== at('filter')) {
    event.preventDefault();
    at('filter').focus();
  } else if (event.key === 'Escape') {
    location.hash = '';
  }
});
open();
