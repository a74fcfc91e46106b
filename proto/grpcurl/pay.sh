#!/usr/bin/env bash
# One call, one answer: scan the patient's 医保码, ask the platform, settle, print. 一次调用完成扫码结算。
#
#   pay.sh [SOCKET] [REQUEST_ID] [BILL.json]
#
# Run it twice with the same REQUEST_ID: the second call repeats the first answer and nothing is charged again.
# In the answer, `money` and `paper` are two things: MONEY_SETTLED with PAPER_STATE_NOT_PRINTED is paid for.
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:-his-$(date +%Y%m%d-%H%M%S)-$$}
bill=${3:-$(dirname "$0")/outpatient.json}

# Longer than a patient takes to show the code and the platform to answer. If the time runs out all the same, call
# again with the same REQUEST_ID: that is always safe.
sed "s/REQUEST_ID/$request_id/" "$bill" |
    grpcurl -plaintext -unix -max-time 170 -d @ \
        "$socket" yibao.v1.SettlementService/ScanAndPay
