// google.rpc.Status and ErrorInfo, read from their bytes: two small messages that never change.
"use strict";

const protobuf = require("protobufjs");

const types = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`).root;

function errorInfo(bytes) {
  const info = types.lookupType("google.rpc.ErrorInfo").decode(bytes);
  return { reason: info.reason, domain: info.domain, metadata: info.metadata };
}

// The ErrorInfo entries of a whole status.
function details(bytes) {
  const status = types.lookupType("google.rpc.Status").decode(bytes);
  const infos = status.details.filter((one) => one.typeUrl.endsWith("/google.rpc.ErrorInfo"));
  return infos.map((one) => errorInfo(one.value));
}

module.exports = { details, errorInfo };
