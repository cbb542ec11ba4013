// What is asked, what is at work, what waits, what was given up, and who works.

import { act, canAct } from './act.js';
import { at, button, keep, make, many } from './make.js';
import { draws, site } from './site.js';

const AT_WORK = ['working', 'restarting', 'stopping'];
const title = (guest) => `${guest.vmid} ${guest.name}`;

function link(vmid, text) {
  const element = make('a', text);
  element.href = `#${vmid}`;
  return element;
}

// Questions, one a card: what has to be agreed to before it is asked for, and what guests ask. Those of one
// run that are the same are answered at once.
function questions() {
  const found = new Map();
  for (const { run, question, since } of site.questions) {
    const advice = `nothing is done before somebody has agreed; asked since ${since}`;
    found.set(JSON.stringify([run, question]), { run, question, advice, guests: [], acts: canAct() });
  }
  for (const guest of site.guests.values()) {
    if (guest.state !== 'question') continue;
    const { question, advice } = guest.standing;
    const key = JSON.stringify([guest.run, question]);
    const card = found.get(key) || { run: guest.run, by: guest.by, question, advice, guests: [], acts: canAct() };
    card.guests.push(title(guest));
    found.set(key, card);
  }
  const cards = [...found.values()];
  at('asked').hidden = cards.length === 0;
  keep(at('questions'), cards, (card) => card.run + card.question, (card) => {
    const element = make('article', undefined, 'card bad');
    element.append(make('strong', card.question), make('p', card.advice));
    if (card.guests.length) element.append(make('p', `${many(card.guests.length, 'guest', 'guests')} of run ${card.run} of ${card.by}: ${card.guests.join(', ')}`));
    if (card.acts) element.append(...answers(`/api/v1/runs/${card.run}/answer`, card.question));
    return element;
  }, '');
}

export function answers(path, asked) {
  const press = (says, what) => () => act(path, { says, asked }, `${what}\n\n${asked}`);
  return [
    button('yes', asked, press('yes', 'Answer yes? It goes on at once.')),
    button('no', asked, press('no', 'Answer no? What asks is cancelled.')),
  ];
}

// Runs with something at work, and how far each guest is: `▮▮▮▯ 3/4 apply_features`.
function runs() {
  const found = new Map();
  for (const guest of site.guests.values()) {
    const run = found.get(guest.run) || { run: guest.run, by: guest.by, done: 0, of: 0, open: 0, steps: [], acts: canAct() };
    run.of += 1;
    run.done += guest.isSettled ? 1 : 0;
    if (AT_WORK.includes(guest.state)) {
      run.steps.push({
        vmid: guest.vmid, title: title(guest), state: guest.state, step: guest.stepOf, since: guest.since,
        taken: guest.taken.length, of: guest.way.length,
      });
    }
    found.set(guest.run, run);
  }
  const open = [...found.values()].filter((run) => run.done < run.of);
  keep(at('runs'), open, (run) => run.run, (run) => {
    const card = make('article', undefined, 'card');
    card.append(make('strong', `${run.run} by ${run.by}: ${run.done} of ${many(run.of, 'guest', 'guests')} settled`));
    for (const one of run.steps) {
      const bar = make('span', '▮'.repeat(one.taken) + '▯'.repeat(Math.max(one.of - one.taken, 0)), 'busy');
      bar.setAttribute('aria-hidden', 'true');
      const step = make('p');
      step.append(link(one.vmid, one.title), ` ${one.state} `, bar, ` ${one.step || ''} since ${one.since}`);
      card.append(step);
    }
    if (run.acts) {
      const what = `Cancel run ${run.run}? Its guests stop before their next step.`;
      card.append(button('cancel', `run ${run.run}`, () => act(`/api/v1/runs/${run.run}/cancel`, {}, what)));
    }
    return card;
  }, 'nothing is at work');
}

function queue() {
  const waiting = [...site.guests.values()].filter((guest) => !guest.isSettled && !AT_WORK.includes(guest.state));
  const items = waiting.map((guest) => ({
    vmid: guest.vmid, title: title(guest), state: guest.state, next: guest.next, since: guest.since, host: guest.host,
  }));
  keep(at('queue'), items, (item) => item.vmid, (item) => {
    const element = make('li');
    element.append(link(item.vmid, item.title), ` on ${item.host}: ${item.state}, ${item.next} (since ${item.since})`);
    return element;
  }, 'nothing waits');
}

function incidents() {
  const items = site.incidents.map((incident) => ({ ...incident, acts: canAct() }));
  keep(at('incidents'), items, (incident) => incident.id, (incident) => {
    const card = make('article', undefined, 'card bad');
    card.append(make('strong', `${incident.severity.toUpperCase()} ${incident.id}  ${incident.text}`));
    card.append(make('p', `since ${incident.opened}${incident.seenBy ? `; seen by ${incident.seenBy}` : ''}`));
    for (const one of incident.tried) card.append(make('p', `tried: ${one}`));
    card.append(make('p', `next: ${incident.next}`));
    const commands = incident.commands.map((command) => command.line);
    if (commands.length) card.append(make('pre', commands.join('\n')));
    if (incident.acts && !incident.seenBy) {
      card.append(button('I have seen it', incident.id, () => act(`/api/v1/incidents/${incident.id}/ack`, {})));
    }
    return card;
  }, 'none');
}

async function tell(letter, into) {
  const answer = await fetch(`/api/v1/dead/${letter}`).catch(() => null);
  const told = answer && await answer.json().catch(() => null);
  into.textContent = (told && (told.text || told.error)) || 'the server is not there';
}

function letters() {
  const items = site.letters.map((letter) => ({ ...letter, acts: canAct() }));
  keep(at('letters'), items, (item) => item.letter, (item) => {
    const [card, details, story] = [make('article', undefined, 'card bad'), make('details'), make('pre', '…')];
    const about = `letter ${item.letter}`;
    details.append(make('summary', `${item.letter}  ${item.guest}: ${item.why}`), story);
    details.addEventListener('toggle', () => { if (details.open) tell(item.letter, story); });
    card.append(details, make('p', `since ${item.time}, tried ${item.tried} times`));
    if (item.acts) {
      const path = `/api/v1/dead/${item.letter}`;
      card.append(
        button('replay', about, () => act(`${path}/replay`, {})),
        button('discard', about, () => act(`${path}/discard`, {}, `Discard ${about} for good?`)),
      );
    }
    return card;
  }, 'none');
}

function hosts() {
  const lines = site.hosts.map((host) => ({
    bad: !host.isAlive,
    text: `${host.isAlive ? '✓' : `✗ no worker heard since ${host.heard}`} ${host.host}: ${host.busy} at work; ` +
      `version ${host.version}, since ${host.started}${host.drained ? `; ${host.drained}` : ''}${host.notWell ? `; not well: ${host.notWell}` : ''}`,
  }));
  const { monitor } = site;
  lines.push(monitor
    ? { text: `health monitor: ${monitor.mode}${monitor.breaker ? `; the breaker is open: ${monitor.breaker.why}` : ''}` }
    : { bad: true, text: '✗ no health monitor answers' });
  keep(at('hosts'), lines, (one) => one.text, (one) => make('p', one.text, one.bad ? 'bad' : ''), '');
}

draws(['guests', 'questions', 'door'], questions);
draws(['guests', 'door'], runs);
draws(['guests'], queue);
draws(['incidents', 'door'], incidents);
draws(['letters', 'door'], letters);
draws(['hosts'], hosts);
