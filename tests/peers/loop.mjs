// A closed loop: each line of the input is how many are asked for at once and how many in all, and for each a line of
// JSON is answered.

import { createInterface } from "node:readline";

// Makes as many as it is told, each by `make`, until there is nothing more to read.
export const answer = async (make) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const [atOnce, total] = line.split(" ").map(Number);
    const times = [];
    const begun = performance.now();
    let asked = 0;
    const one = async () => {
      while (asked < total) {
        asked += 1;
        const begun = performance.now();
        await make();
        times.push(performance.now() - begun);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    const seconds = (performance.now() - begun) / 1000;
    times.sort((one, other) => one - other);
    const at = (share) => times[Math.floor(times.length * share)];
    console.log(JSON.stringify({ seconds, p50: at(0.5), p99: at(0.99) }));
  }
  process.exit(0);
};
