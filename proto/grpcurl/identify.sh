#!/usr/bin/env bash
# Who stands there? Waits for a 医保码, 社保卡 or 居民身份证; no money moves. 识别来者身份，不涉及资金。
#
#   identify.sh [SOCKET] [REQUEST_ID] [FLOW] [CREDENTIAL]
#
# FLOW is REGISTRATION, PAYMENT, REPORT, DESK or PHARMACY; CREDENTIAL is E_VOUCHER, SOCIAL_CARD or RESIDENT_ID. The
# prompt comes at once, then the answer: masked, with an `identityRef` for one following call.
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:-who-$(date +%Y%m%d-%H%M%S)-$$}
flow=${3:-PAYMENT}
credential=${4:-E_VOUCHER}

grpcurl -plaintext -unix -max-time 170 -d "{\"requestId\": \"$request_id\"}" \
    "$socket" yibao.v1.IdentityService/WatchIdentification >&2 &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true' EXIT

grpcurl -plaintext -unix -max-time 170 -d @ "$socket" yibao.v1.IdentityService/Identify <<JSON
{
  "requestId": "$request_id",
  "flow": "IDENTIFY_FLOW_$flow",
  "operator": {"id": "0107", "name": "自助机1", "kind": "OPERATOR_KIND_KIOSK"},
  "office": {"id": "A03", "name": "门诊"},
  "credentials": ["CREDENTIAL_$credential"]
}
JSON
