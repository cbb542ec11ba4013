// One guest: how it is, what was said in it, what happened to it, and what can be done.

import { act, canAct } from './act.js';
import { answers } from './lists.js';
import { SHOWN, at, button, keep, line, make } from './make.js';
import { draws, guestOf } from './site.js';

// How many lines of a log are kept.
const LOG = 1000;

let opened = 0;
let log = null;

function about() {
  if (!opened) return;
  const guest = guestOf(opened);
  const title = guest ? `${guest.vmid} ${guest.name}` : `${opened}: no such guest`;
  if (at('guest-title').textContent !== title) at('guest-title').textContent = title;
  const facts = guest ? [
    `${guest.state} since ${guest.since}, revision ${guest.revision}, on ${guest.host}`,
    `asked for in run ${guest.run} by ${guest.by}`,
    guest.stepOf ? `step: ${guest.stepOf}` : '',
    guest.next ? `next: ${guest.next}` : '',
    guest.health ? `health: ${guest.health.text} (${guest.health.probe}) since ${guest.health.since}` : '',
    guest.addresses.length ? `addresses: ${guest.addresses.join(', ')}` : '',
    guest.standsOn.length ? `stands on: ${guest.standsOn.join(', ')}` : '',
    guest.failure ? `went wrong last: ${guest.failure.what}` : '',
    guest.failure && guest.failure.advice ? `advice: ${guest.failure.advice}` : '',
    `phoenix logs ${guest.vmid}   phoenix history ${guest.vmid}   phoenix health ${guest.vmid}`,
  ].filter(Boolean) : [];
  keep(at('about'), facts, (fact) => fact, (fact) => make('p', fact), '');
  keep(at('do'), guest && canAct() ? [acts(guest)] : [], () => 'do', buttons, '');
}

// What can be done about a guest now.
function acts(guest) {
  const asked = guest.state === 'question' ? guest.standing.question : null;
  return { vmid: guest.vmid, name: guest.name, asked, stops: !guest.isSettled };
}

function buttons({ vmid, name, asked, stops }) {
  const [row, title, path] = [make('span'), `${vmid} ${name}`, `/api/v1/guests/${vmid}`];
  if (asked !== null) row.append(...answers(`${path}/answer`, asked));
  row.append(button('retry', title, () => act(`${path}/retry`, {})));
  if (stops) {
    const what = `Cancel the work on ${title}? It stops before its next step.`;
    row.append(button('cancel', title, () => act(`${path}/cancel`, {}, what)));
  }
  return row;
}

function write(entries) {
  const list = at('log');
  const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
  for (const entry of entries) {
    if (entry.head) list.append(make('li', entry.head));
    for (const one of [...entry.said, ...entry.printed]) list.append(make('li', `  ${one}`));
  }
  while (list.children.length > LOG) list.firstChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function listen(vmid) {
  if (log) log.close();
  log = null;
  at('log').replaceChildren();
  if (!vmid) return;
  log = new EventSource(`/api/v1/guests/${vmid}/log`);
  const on = (kind, then) => log.addEventListener(kind, (event) => then(JSON.parse(event.data)));
  on('log', (all) => { at('log').replaceChildren(); write(all); });
  on('entry', (entry) => write([entry]));
  on('said', (lines) => write([{ said: lines, printed: [] }]));
}

export async function open() {
  opened = Number(location.hash.slice(1)) || 0;
  at('guest').hidden = !opened;
  at('history').replaceChildren();
  listen(opened);
  if (!opened) return;
  about();
  at('guest-title').focus();
  const asked = opened;
  const answer = await fetch(`/api/v1/guests/${asked}/history`).catch(() => null);
  const told = answer && answer.ok ? await answer.json() : { events: [] };
  if (asked === opened) at('history').replaceChildren(...told.events.reverse().slice(0, SHOWN).map(line));
}

export function happened(told) {
  if (told.vmid === opened) at('history').prepend(line(told));
}

draws(['guests', 'door'], about);
