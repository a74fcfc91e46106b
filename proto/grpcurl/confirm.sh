#!/usr/bin/env bash
# Says yes to what watch.sh shows. SHOWN is the token that came with it; a stale one is refused. 确认所显示的内容。
#
#   confirm.sh SOCKET REQUEST_ID SHOWN [CONFIRM_POINT_AMOUNTS | CONFIRM_POINT_PERSON]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:?which request_id}
shown=${3:?the token that came with what is shown}
point=${4:-CONFIRM_POINT_AMOUNTS}

grpcurl -plaintext -unix -max-time 10 \
    -d "{\"requestId\": \"$request_id\", \"point\": \"$point\", \"shown\": \"$shown\"}" \
    "$socket" yibao.v1.SettlementService/ConfirmSettlement
