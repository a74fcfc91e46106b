#!/usr/bin/env bash
# The whole scan-and-pay as a HIS does it: follow the settlement, show the amounts before the money moves, say yes,
# take the answer, look it up again. 完整的扫码结算：跟踪进展、扣费前核对金额、确认、取得结果、再次查询。
#
#   scan-and-pay.sh [SOCKET] [REQUEST_ID] [BILL.json]
set -euo pipefail
here=$(dirname "$0")
socket=${1:-/run/yibaod/yibaod.sock}
request_id=${2:-his-$(date +%Y%m%d-%H%M%S)-$$}
bill=${3:-$here/outpatient.json}

settling_s_max=170 # a patient looking for the phone, and the platform's slowest answers
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

echo "== request_id $request_id"
"$here/watch.sh" "$socket" "$request_id" >"$work/events" 2>&1 &

# The same bill as in pay.sh, but the previewed amounts wait for a yes.
sed 's/"confirm": \[\]/"confirm": ["CONFIRM_POINT_AMOUNTS"]/' "$bill" >"$work/bill.json"
"$here/pay.sh" "$socket" "$request_id" "$work/bill.json" >"$work/answer" 2>&1 &
paying=$!

# Each prompt is shown once, as a HIS would show it to the person.
told=0
confirmed=
while kill -0 "$paying" 2>/dev/null && ((SECONDS < settling_s_max)); do
    grep -o '"promptZh": ".*"' "$work/events" >"$work/prompts" || true
    tail -n "+$((told + 1))" "$work/prompts"
    told=$(wc -l <"$work/prompts")
    shown=$(sed -n 's/.*"shown": "\([^"]*\)".*/\1/p' "$work/events" | tail -n 1)
    if [[ -n $shown && $shown != "$confirmed" ]]; then
        echo "== previewed amounts"
        grep -E '"(medfeeSumamtFen|fundPaySumamtFen|acctPayFen|psnCashPayFen)"' "$work/events" | sort -u
        # Here a HIS asks the person. 此处由 HIS 询问患者。
        "$here/confirm.sh" "$socket" "$request_id" "$shown" >/dev/null
        confirmed=$shown
    fi
    sleep 0.1
done
status=0
wait "$paying" || status=$?

echo "== answer"
cat "$work/answer"
if ((status == 0)); then
    echo "== asked again: what is true now"
    "$here/get.sh" "$socket" "$request_id" | grep -m 1 '"money"'
fi
exit "$status"
