#!/usr/bin/env bash
# How is this desk doing: accepting or not and why, open and stuck settlements, platform, devices. 本机运行状况。
#
#   status.sh [SOCKET]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

grpcurl -plaintext -unix -max-time 5 -emit-defaults \
    "$socket" yibao.v1.DaemonService/GetStatus
