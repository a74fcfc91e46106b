// A Connect client from npm, with code that protoc-gen-es made from the proto files. YIBAO_PROTOCOL chooses what it
// speaks: "connect", JSON over HTTP/1.1, or "grpc", over HTTP/2.
"use strict";

const { readdirSync } = require("node:fs");
const { join } = require("node:path");
const { create, fromJson, toJson } = require("@bufbuild/protobuf");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createConnectTransport, createGrpcTransport } = require("@connectrpc/connect-node");
const { Refused, serve } = require("./lines.cjs");
const { errorInfo } = require("./status.cjs");

const CALL_MS_MAX = 60_000;
const { YIBAO_URL: url, YIBAO_TOKEN: token, YIBAO_SOCKET: socketPath, YIBAO_PROTOCOL: protocol } = process.env;

const generated = join(process.env.YIBAO_GENERATED, "yibao/v1");
const services = {};
for (const file of readdirSync(generated)) {
  for (const schema of Object.values(require(join(generated, file)))) {
    if (schema?.kind === "service") services[schema.typeName] = schema;
  }
}

const withToken = (next) => (request) => {
  if (token) request.header.set("authorization", `Bearer ${token}`);
  return next(request);
};
const over = { baseUrl: url ?? "http://localhost", interceptors: [withToken], defaultTimeoutMs: CALL_MS_MAX };
const transport =
  protocol === "grpc"
    ? createGrpcTransport({ ...over })
    : createConnectTransport({
        ...over,
        httpVersion: "1.1",
        useBinaryFormat: false,
        nodeOptions: url ? {} : { socketPath },
      });

function method(path) {
  const [name, wanted] = path.split("/");
  const schema = services[name].methods.find((one) => one.name === wanted);
  return { schema, ask: createClient(services[name], transport)[schema.localName] };
}

function refusal(thrown) {
  const error = ConnectError.from(thrown);
  const code = Code[error.code].replace(/[A-Z]/g, (letter, at) => (at ? "_" : "") + letter.toLowerCase());
  const details = error.details.map((one) => errorInfo(one.value));
  return new Refused({ code: code === "canceled" ? "cancelled" : code, message: error.rawMessage, details });
}

async function call(path, request) {
  const { schema, ask } = method(path);
  try {
    return toJson(schema.output, await ask(fromJson(schema.input, request)));
  } catch (error) {
    throw refusal(error);
  }
}

async function stream(path, request, max) {
  const { schema, ask } = method(path);
  const answers = [];
  const left = new AbortController();
  try {
    for await (const answer of ask(create(schema.input, fromJson(schema.input, request)), { signal: left.signal })) {
      answers.push(toJson(schema.output, answer));
      if (answers.length === max) break;
    }
  } catch (error) {
    throw refusal(error);
  } finally {
    // To end the loop ends no call.
    left.abort();
  }
  return answers;
}

serve({ call, stream });
