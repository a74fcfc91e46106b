"""The curl of this machine: over the local socket, or over TCP with a token or a certificate. YIBAO_CHARSET: in that
charset."""

import codecs
import json
import os
import struct
import subprocess

from lines import Refused, serve

HEAD_LENGTH = 5
END = 2
CHARSET = os.environ.get("YIBAO_CHARSET", "utf-8")
# Loaded while root can.
codecs.lookup(CHARSET)
BASE = os.environ.get("YIBAO_URL", "http://localhost")


def command(path, content):
    words = ["curl", "--silent", "--no-buffer", "--max-time", "60", "--data-binary", "@-", f"{BASE}/{path}"]
    words += ["--header", f"content-type: {content}; charset={CHARSET}"]
    if "YIBAO_CA" in os.environ:
        for word, name in [("--cacert", "YIBAO_CA"), ("--cert", "YIBAO_CERTIFICATE"), ("--key", "YIBAO_KEY")]:
            words += [word, os.environ[name]]
    elif "YIBAO_URL" in os.environ:
        words += ["--header", f"authorization: Bearer {os.environ['YIBAO_TOKEN']}"]
    else:
        words += ["--unix-socket", os.environ["YIBAO_SOCKET"]]
    return words


def call(path, request):
    # The number of HTTP is written behind the body.
    words = command(path, "application/json") + ["--write-out", "%{http_code}"]
    done = subprocess.run(words, input=request.encode(CHARSET), capture_output=True, check=True)
    told = json.loads(done.stdout[:-3].decode(CHARSET))
    if done.stdout[-3:] != b"200":
        raise Refused(told)
    return told


def stream(path, request, answers_max):
    body = request.encode(CHARSET)
    words = command(path, "application/connect+json")
    answers = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdin.write(struct.pack(">BI", 0, len(body)) + body)
        running.stdin.close()
        while True:
            flags, length = struct.unpack(">BI", running.stdout.read(HEAD_LENGTH))
            told = json.loads(running.stdout.read(length).decode(CHARSET))
            if flags == END:
                break
            answers.append(told)
            if len(answers) == answers_max:
                running.kill()
                return answers
    if "error" in told:
        raise Refused(told["error"])
    return answers


serve(call, stream)
