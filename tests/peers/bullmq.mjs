// Nine jobs that do nothing, one after the other, on BullMQ: each adds the next one before it is done. It is told the
// port of Redis.

import { Queue, Worker } from "bullmq";
import { answer } from "./loop.mjs";

const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };
const queue = new Queue("guests", { connection });
const waiting = new Map();
const step = async (job) => {
  const { guest, nth } = job.data;
  if (nth < 9) {
    await queue.add("step", { guest, nth: nth + 1 }, { removeOnComplete: true });
  }
};
const worker = new Worker("guests", step, { connection, concurrency: 256 });
for (const one of [queue, worker]) {
  one.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
}
worker.on("completed", ({ data }) => {
  if (data.nth === 9) {
    waiting.get(data.guest)();
    waiting.delete(data.guest);
  }
});

let guests = 0;
await answer(async () => {
  const guest = (guests += 1);
  const made = new Promise((done) => waiting.set(guest, done));
  await queue.add("step", { guest, nth: 1 }, { removeOnComplete: true });
  await made;
});
