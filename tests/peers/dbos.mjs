// Nine durable steps that do nothing, on DBOS. It is told where Postgres is.

import { DBOS } from "@dbos-inc/dbos-sdk";
import { answer } from "./loop.mjs";

const make = DBOS.registerWorkflow(
  async () => {
    for (let nth = 0; nth < 9; nth += 1) {
      await DBOS.runStep(async () => {}, { name: "step" });
    }
  },
  { name: "make" },
);
DBOS.setConfig({
  name: "guests",
  applicationVersion: "1",
  systemDatabaseUrl: process.argv[2],
  systemDatabasePoolSize: 20,
  logLevel: "error",
  runAdminServer: false,
});
await DBOS.launch();
await answer(make);
