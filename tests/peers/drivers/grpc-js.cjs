// gRPC of @grpc/grpc-js with the proto files, as a HIS in Node has it.
"use strict";

const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const { Refused, serve } = require("./lines.cjs");
const { details } = require("./status.cjs");

const CALL_MS_MAX = 60_000;
const proto = process.env.YIBAO_PROTO;
const files = readdirSync(join(proto, "yibao/v1")).map((name) => `yibao/v1/${name}`);
const known = loader.loadSync(files, {
  includeDirs: [proto],
  longs: String,
  enums: String,
  bytes: String,
});

const { YIBAO_URL: url, YIBAO_TOKEN: token, YIBAO_SOCKET: socket } = process.env;
const { YIBAO_CA: ca, YIBAO_CERTIFICATE: certificate, YIBAO_KEY: key } = process.env;
const credentials = ca
  ? grpc.credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(certificate))
  : grpc.credentials.createInsecure();
const client = new grpc.Client(url ? new URL(url).host : `unix:${socket}`, credentials);

function metadata() {
  const metadata = new grpc.Metadata();
  if (token) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

function method(path) {
  const [service, name] = path.split("/");
  return known[service][name];
}

function refusal(error) {
  const [status] = error.metadata.get("grpc-status-details-bin");
  const code = grpc.status[error.code].toLowerCase();
  return new Refused({ code, message: error.details, details: status ? details(status) : [] });
}

const options = () => ({ deadline: Date.now() + CALL_MS_MAX });

function call(path, request) {
  const { path: full, requestSerialize, responseDeserialize } = method(path);
  const ask = request_of(path, request);
  return new Promise((done, failed) => {
    client.makeUnaryRequest(full, requestSerialize, responseDeserialize, ask, metadata(), options(), (error, answer) =>
      error ? failed(refusal(error)) : done(answer),
    );
  });
}

function stream(path, request, max) {
  const { path: full, requestSerialize, responseDeserialize } = method(path);
  const ask = request_of(path, request);
  return new Promise((done, failed) => {
    const answers = [];
    const call = client.makeServerStreamRequest(
      full, requestSerialize, responseDeserialize, ask, metadata(), options(),
    );
    call.on("data", (answer) => {
      if (answers.length === max) return;
      answers.push(answer);
      if (answers.length === max) call.cancel();
    });
    call.on("end", () => done(answers));
    call.on("error", (error) => (answers.length === max ? done(answers) : failed(refusal(error))));
  });
}

// The loader drops what it does not know: the request must come through whole.
function request_of(path, request) {
  const { requestSerialize, requestType } = method(path);
  const names = new Set(requestType.type.field.flatMap((field) => [field.name, camel(field.name)]));
  for (const name of Object.keys(request)) {
    if (!names.has(name)) throw new Error(`${path} has no field ${name}`);
  }
  requestSerialize(request);
  return request;
}

function camel(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

serve({ call, stream });
