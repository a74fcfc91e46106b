#!/usr/bin/env bash
# Whether this desk's journal and the insurance platform agree on a day: progress, then the table of differences, each
# with its cause and what to do. Changes no settlement. 本机流水与医保平台对账，列出差异及处理办法。
#
#   reconcile.sh [SOCKET] [YYYY-MM-DD] [REQUEST_ID]
#
# The day is that of the platform's setl_time in China. For the whole hospital see `yibaoctl reconcile --help`.
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
day=${2:-$(TZ=Asia/Shanghai date +%F)}
request_id=${3:-reconcile-$(date +%Y%m%d-%H%M%S)-$$}

exec grpcurl -plaintext -unix -max-time 3600 -d @ "$socket" yibao.v1.SettlementService/Reconcile <<JSON
{"requestId": "$request_id", "from": "$day",
 "operator": {"id": "duizhang", "name": "对账", "kind": "OPERATOR_KIND_STAFF"}}
JSON
