#!/usr/bin/env bash
# Tells the platform what was handed out, row by row. 上报发出的药品，逐行给出结果。
#
#   hand-out.sh [SOCKET] [REQUEST_ID] [HAND-OUT.json]
#
# Run it twice with the same REQUEST_ID: the second call repeats the first answer.
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:-out-$(date +%Y%m%d-%H%M%S)-$$}
goods=${3:-$(dirname "$0")/../../packaging/examples/hand-out.json}

sed "s/\"requestId\": \"\"/\"requestId\": \"$request_id\"/" "$goods" |
    grpcurl -plaintext -unix -max-time 170 -d @ \
        "$socket" yibao.v1.DispenseService/HandOut
