"""busctl, which takes its words and says JSON. A request is the list of its words."""

import json
import subprocess

from lines import Cannot, Refused, serve

NAME = "org.yibaod.Bridge1"
FAILED = "Call failed: "


def plain(value):
    """Without busctl's signatures."""
    if isinstance(value, dict) and value.keys() == {"type", "data"}:
        return plain(value["data"])
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def call(path, request):
    service, method = path.removeprefix("yibao.v1.").split("Service/")
    words = ["busctl", "--system", "call", "--json=short", "--timeout=60", NAME, "/org/yibaod/Bridge1"]
    words += [f"{NAME}.{service}", method] + json.loads(request)
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode == 0:
        return plain(json.loads(done.stdout)["data"][0])
    if done.stderr.startswith(FAILED):
        raise Refused({"text": done.stderr.removeprefix(FAILED).rstrip("\n")})
    raise SystemExit(done.stderr)


def stream(_path, _request, _max):
    # What it follows ends with its connection, which is one call.
    raise Cannot


serve(call, stream)
