// The page: its parts, and the keys that lead to them.

import { enter } from './door.js';
import { happened, open } from './guest.js';
import './lists.js';
import { SHOWN, at, line } from './make.js';
import './table.js';

enter((told) => {
  const list = at('happened');
  list.prepend(line(told));
  while (list.children.length > SHOWN) list.lastChild.remove();
  happened(told);
});
addEventListener('hashchange', open);
document.addEventListener('keydown', (event) => {
  const isTyping = ['INPUT', 'TEXTAREA'].includes(document.activeElement.tagName);
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    at('filter').focus();
  } else if (event.key === 'Escape' && !document.querySelector('dialog')) {
    location.hash = '';
  }
});
open();
