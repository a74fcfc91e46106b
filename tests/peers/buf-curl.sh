#!/usr/bin/env bash
# The same call as client.py, made by the real buf: it knows nothing but reflection v1, and speaks gRPC.
#
#   buf-curl.sh SOCKET yibao.v1.SettlementService/ScanAndPay < request.json
#
# Prints the answer as proto JSON. A refused call prints the status as JSON and ends with its code shifted by three
# bits, as buf does.
set -euo pipefail
socket=${1:?path of the local socket}
method=${2:?package.Service/Method}
buf=${YIBAO_BUF:?set by tests/run, which installs the real buf}

# The host in the address is only a name: the line is the local socket.
exec "$buf" curl --timeout 170s --protocol grpc --http2-prior-knowledge --unix-socket "$socket" \
    --data @- "http://localhost/$method"
