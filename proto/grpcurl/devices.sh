#!/usr/bin/env bash
# The configured devices, also the missing ones, with what is wrong and what to do. 列出外设及其状态。
#
#   devices.sh [SOCKET]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

grpcurl -plaintext -unix -max-time 5 "$socket" yibao.v1.DeviceService/ListDevices
