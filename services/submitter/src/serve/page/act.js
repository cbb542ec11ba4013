// What people do, once they have signed in.

import { at } from './make.js';

// Who has signed in; and what proves to the server that it is this page that asks.
export const who = { name: null, proof: null };

export const canAct = () => who.name !== null;

// Asks whether to do what cannot be undone. Each question has a dialog of its own: that one was closed is
// told a frame later, and the next may be open by then.
function isSure(what) {
  const dialog = at('sure').content.firstElementChild.cloneNode(true);
  dialog.querySelector('p').textContent = what;
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    dialog.showModal();
  });
}

// Shows what the server said: what it did, or why not and what to do.
function say(told) {
  const hints = (told.hints || []).map((hint) => `hint: ${hint}`);
  at('told').textContent = told.error ? [`✗ ${told.error}`, ...hints].join('\n') : `✓ ${told.said || ''}`;
}

export async function post(path, body) {
  const headers = { 'content-type': 'application/json' };
  if (who.proof) headers['x-phoenix-proof'] = who.proof;
  const sent = { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(path, sent).catch(() => null);
  if (!answer) return { error: 'the server is not there' };
  const told = await answer.json().catch(() => ({}));
  return answer.ok ? told : { error: `the server says ${answer.status}`, ...told };
}

// Does something; where `question` says what cannot be undone, it is asked first.
export async function act(path, body, question) {
  if (question && !await isSure(question)) return;
  at('told').textContent = '…';
  say(await post(path, body));
}

export { say };
