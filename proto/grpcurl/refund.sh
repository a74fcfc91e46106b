#!/usr/bin/env bash
# Gives a settled bill back, whole, by the REQUEST_ID of its ScanAndPay. 按结算的请求编号整笔退费。
# The same method takes {"settlementId": …} or {"platform": {"psnNo": …, "mdtrtId": …, "setlId": …}} for another desk's.
# Repeating it with the same REFUND_ID is safe. 用同一 REFUND_ID 重复调用是安全的。
#
#   refund.sh SOCKET REQUEST_ID REFUND_ID
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:?which request_id}
refund_id=${3:?an id for the refund}

grpcurl -plaintext -unix -max-time 150 -d "{
    \"requestId\": \"$refund_id\",
    \"operator\": {\"id\": \"0001\", \"name\": \"收费员\", \"kind\": \"OPERATOR_KIND_STAFF\"},
    \"settlementRequestId\": \"$request_id\"
}" "$socket" yibao.v1.SettlementService/RefundSettlement
