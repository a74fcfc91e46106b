#!/usr/bin/env bash
# What happens to the devices, for a minute: unplug the scanner, open the printer. 跟踪外设变化一分钟。
#
#   watch-devices.sh [SOCKET]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

exec grpcurl -plaintext -unix -max-time 60 "$socket" yibao.v1.DeviceService/WatchDevices
