// What is known of the site, as the server tells it, and who draws what of it.

import { at, line } from './make.js';

export const site = { guests: new Map(), incidents: [], letters: [], questions: [], hosts: [], monitor: null };

const drawers = [];
let changed = new Set();
let guests = new Set();
let waiting = false;
let source = null;

// Has something drawn whenever one of these kinds of news came. It is told which guests are new.
export function draws(kinds, draw) {
  drawers.push([kinds, draw]);
}

// Has what shows this drawn with the next frame, however often that is said before.
export function soon(kind, guest) {
  changed.add(kind);
  if (guest) guests.add(guest);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    const [kinds, those] = [changed, guests];
    [changed, guests, waiting] = [new Set(), new Set(), false];
    for (const [wanted, draw] of drawers) {
      if (wanted.some((kind) => kinds.has(kind))) draw(those, kinds);
    }
  });
}

export function guestOf(vmid) {
  return [...site.guests.values()].find((one) => one.vmid === vmid);
}

function take(all) {
  site.guests.clear();
  for (const guest of all.guests) site.guests.set(guest.guest, guest);
  for (const kind of ['incidents', 'letters', 'questions', 'hosts', 'monitor']) site[kind] = all[kind];
  at('happened').replaceChildren(...all.happened.map(line).reverse());
  for (const kind of ['all', 'guests', 'incidents', 'letters', 'questions', 'hosts']) soon(kind);
}

// Follows the server; `happened` is called with each event, and `again` when the server is another one than
// before, or does not tell us anything any more.
export function watch(happened, again) {
  if (source) return;
  let isFirst = true;
  source = new EventSource('/api/v1/events');
  const on = (kind, then) => source.addEventListener(kind, (event) => then(JSON.parse(event.data)));
  source.addEventListener('open', () => {
    at('link').textContent = '';
    if (!isFirst) again();
    isFirst = false;
  });
  source.addEventListener('error', () => {
    at('link').textContent = 'the server is not there; what is shown may be old';
    if (source && source.readyState === EventSource.CLOSED) again();
  });
  on('all', take);
  on('guests', (told) => {
    for (const guest of told) {
      site.guests.set(guest.guest, guest);
      soon('guests', guest.guest);
    }
  });
  on('hosts', (told) => { [site.hosts, site.monitor] = [told.hosts, told.monitor]; soon('hosts'); });
  on('incidents', (told) => { site.incidents = told; soon('incidents'); });
  on('letters', (told) => { site.letters = told; soon('letters'); });
  on('questions', (told) => { site.questions = told; soon('questions'); });
  on('happened', happened);
}

// Follows it no longer: whoever has signed out does not read on.
export function unwatch() {
  if (source) source.close();
  source = null;
  take({ guests: [], incidents: [], letters: [], questions: [], hosts: [], monitor: null, happened: [] });
}
