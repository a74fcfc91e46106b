#!/usr/bin/env bash
# The last settlements of this desk, newest first. Other filters: openOnly, stuckOnly, from, to, before. 列出最近的结算。
#
#   list.sh [SOCKET] [HOW_MANY]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

grpcurl -plaintext -unix -max-time 10 -d "{\"limit\": ${2:-10}}" \
    "$socket" yibao.v1.SettlementService/ListSettlements
