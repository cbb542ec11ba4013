// Signing in and out. What is read and done follows from what the server says of the session.

import { post, say, who } from './act.js';
import { at } from './make.js';
import { soon, unwatch, watch } from './site.js';

let happened = () => {};

async function look() {
  const answer = await fetch('/api/v1/session').catch(() => null);
  const told = answer && answer.ok ? await answer.json() : null;
  if (!told) {
    at('link').textContent = 'the server is not there';
    setTimeout(look, 1000);
    return;
  }
  [who.name, who.proof] = [told.name, told.proof];
  at('who').hidden = who.name === null;
  at('name').textContent = who.name || '';
  at('door').hidden = !told.canSignIn || who.name !== null;
  at('door-why').textContent = told.mayRead
    ? 'Without it the page shows, and does nothing.' : 'Nothing is shown without it.';
  at('site').hidden = !told.mayRead;
  if (told.mayRead) watch(happened, look);
  else {
    unwatch();
    at('link').textContent = '';
  }
  soon('door');
}

export function enter(then) {
  happened = then;
  look();
}

at('door').addEventListener('submit', async (event) => {
  event.preventDefault();
  const told = await post('/api/v1/sign-in', { name: at('as').value, token: at('token').value });
  at('token').value = '';
  say(told.error ? told : { said: `signed in as ${told.name}` });
  if (!told.error) look();
});

at('out').addEventListener('click', async () => {
  const told = await post('/api/v1/sign-out', {});
  say(told.error ? told : { said: 'signed out' });
  location.hash = '';
  look();
});
