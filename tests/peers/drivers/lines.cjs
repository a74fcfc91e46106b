// The line protocol of a driver, for those in JavaScript. See lines.py, which says what it is.
"use strict";

const readline = require("node:readline");

// The libraries may lie where only root can read: this user is taken once they are loaded.
function becomeCaller() {
  if (!process.env.YIBAO_AS) return;
  const [user, ...groups] = process.env.YIBAO_AS.split(",").map(Number);
  process.setgroups(groups);
  process.setgid(user);
  process.setuid(user);
}

class Refused extends Error {
  constructor(told) {
    super("refused");
    this.told = told;
  }
}

// client: { call(path, request) → answer, stream(path, request, max) → answers }. A path is
// "yibao.v1.DaemonService/GetStatus"; what is refused is thrown as Refused.
async function serve(client) {
  becomeCaller();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...rest] = line.split(" ");
    const max = verb === "stream" ? Number(rest.shift()) : 0;
    const path = rest.shift();
    const request = JSON.parse(rest.join(" "));
    try {
      if (verb === "stream") say("answers", await client.stream(path, request, max));
      else say("answer", await client.call(path, request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say("refused", error.told);
    }
  }
  process.exit(0);
}

function say(verb, told) {
  process.stdout.write(`${verb} ${JSON.stringify(told)}\n`);
}

module.exports = { Refused, serve };
