// Node with nothing installed: `fetch` over TCP with a token, node:http over the local socket.
"use strict";

const http = require("node:http");
const { Refused, serve } = require("./lines.cjs");

const HEAD_LENGTH = 5;
const END = 2;
const { YIBAO_URL: url, YIBAO_TOKEN: token, YIBAO_SOCKET: socketPath } = process.env;

// Whether it was taken, and the chunks of the body as they come; who leaves them early ends the call.
async function post(path, type, body) {
  const headers = { "content-type": type };
  if (url) {
    headers.authorization = `Bearer ${token}`;
    const { ok, body: chunks } = await fetch(`${url}/${path}`, { method: "POST", headers, body });
    return { ok, chunks };
  }
  const request = http.request({ socketPath, path: `/${path}`, method: "POST", headers });
  request.end(body);
  const response = await new Promise((done, failed) => request.on("response", done).on("error", failed));
  return { ok: response.statusCode === 200, chunks: response };
}

async function call(path, request) {
  const { ok, chunks } = await post(path, "application/json", JSON.stringify(request));
  const text = [];
  for await (const chunk of chunks) text.push(chunk);
  const told = JSON.parse(Buffer.concat(text).toString());
  if (!ok) throw new Refused(told);
  return told;
}

async function stream(path, request, max) {
  const json = Buffer.from(JSON.stringify(request));
  const head = Buffer.alloc(HEAD_LENGTH);
  head.writeUInt32BE(json.length, 1);
  const { chunks } = await post(path, "application/connect+json", Buffer.concat([head, json]));
  const answers = [];
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_LENGTH && rest.length >= HEAD_LENGTH + rest.readUInt32BE(1)) {
      const end = HEAD_LENGTH + rest.readUInt32BE(1);
      const told = JSON.parse(rest.subarray(HEAD_LENGTH, end).toString());
      const last = rest[0] === END;
      rest = rest.subarray(end);
      if (last && told.error) throw new Refused(told.error);
      if (last) return answers;
      answers.push(told);
      if (answers.length === max) return answers;
    }
  }
  throw new Error("the stream broke off");
}

serve({ call, stream });
