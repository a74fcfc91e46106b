#!/usr/bin/env bash
# Stops a settlement if that is still possible. The verdict is one of three: cancelled; too late, settled; too late,
# being settled. 取消结算，结论为三者之一：已取消；太迟，已结算；太迟，正在结算。
#
#   cancel.sh SOCKET REQUEST_ID
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:?which request_id}

grpcurl -plaintext -unix -max-time 30 -d "{\"requestId\": \"$request_id\"}" \
    "$socket" yibao.v1.SettlementService/CancelSettlement
