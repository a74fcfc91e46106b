#!/usr/bin/env bash
# Follows one settlement: where it stands, what the person should do now, the platform's ids as they become known.
# May be started before the settlement is, and from another program. 跟踪一笔结算的进展。
#
#   watch.sh SOCKET REQUEST_ID
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:?which request_id}

exec grpcurl -plaintext -unix -max-time 180 -d "{\"requestId\": \"$request_id\"}" \
    "$socket" yibao.v1.SettlementService/WatchSettlement
