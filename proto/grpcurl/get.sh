#!/usr/bin/env bash
# What is true of one settlement now, by its REQUEST_ID. 查询一笔结算此刻的真实状态。
# The same method takes {"settlementId": …} or the platform's {"setlId": …}.
#
#   get.sh SOCKET REQUEST_ID
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:?which request_id}

grpcurl -plaintext -unix -max-time 10 -d "{\"requestId\": \"$request_id\"}" \
    "$socket" yibao.v1.SettlementService/GetSettlement
