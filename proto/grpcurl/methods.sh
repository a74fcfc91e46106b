#!/usr/bin/env bash
# What can be called, as the running daemon tells it (reflection): all services, then each method and message with
# its comments, English and Chinese. 列出守护进程提供的全部服务、方法与消息。
#
#   methods.sh [SOCKET] [NAME]      for instance: methods.sh "" yibao.v1.ScanAndPayRequest
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

on=(-plaintext -unix)

if [[ -n ${2:-} ]]; then
    exec grpcurl "${on[@]}" "$socket" describe "$2"
fi
grpcurl "${on[@]}" "$socket" list
for service in SettlementService IdentityService DispenseService DeviceService PrintService DaemonService; do
    grpcurl "${on[@]}" "$socket" describe "yibao.v1.$service"
done
