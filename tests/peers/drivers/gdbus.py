"""gdbus, which takes and says GLib's text form. A request is such a text, as a JSON string."""

import ast
import json
import re
import subprocess

from lines import Cannot, Refused, serve

NAME = "org.yibaod.Bridge1"
FAILED = re.compile(r"Error: GDBus\.Error:org\.yibaod\.Error\.([A-Z0-9_]+): ", re.ASCII)
# A text, a word before a number, a signature, a bracket of a variant, anything else.
TOKEN = re.compile(
    r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\b(?:byte|u?int(?:16|32|64)|handle)\b|@[a-z{}()]+|[<>]|(true|false)|(.)""",
    re.DOTALL,
)
WORDS = {"true": "True", "false": "False"}


def value(text):
    """GLib's text form; what is left without its types is a literal of Python's."""
    kept = (m[1] or WORDS.get(m[2]) or m[3] or "" for m in TOKEN.finditer(text))
    return ast.literal_eval("".join(kept))


def call(path, request):
    service, method = path.removeprefix("yibao.v1.").split("Service/")
    words = ["gdbus", "call", "--system", "--timeout", "60", "--dest", NAME, "--object-path", "/org/yibaod/Bridge1"]
    words += ["--method", f"{NAME}.{service}.{method}", json.loads(request)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode == 0:
        return value(done.stdout.strip())[0]
    if found := FAILED.match(done.stderr):
        raise Refused({"name": found[1], "text": done.stderr[found.end() :].rstrip("\n")})
    raise SystemExit(done.stderr)


def stream(_path, _request, _max):
    # What it follows ends with its connection, which is one call.
    raise Cannot


serve(call, stream)
