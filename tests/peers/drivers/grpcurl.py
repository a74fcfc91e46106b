"""The real grpcurl, which knows nothing but reflection."""

import json
import os
import subprocess

from lines import Refused, serve

SOCKET = os.environ["YIBAO_SOCKET"]
# Opened while root can: this user could not look into the folder.
PROGRAM = os.open(os.environ["YIBAO_GRPCURL"], os.O_RDONLY)
REFUSED = 64


def command():
    return [f"/proc/self/fd/{PROGRAM}", "-plaintext", "-unix", "-format-error", "-max-time", "60", "-d", "@", SOCKET]


def refusal(text):
    status = json.loads(text[text.index("{") :])
    details = [
        {key: value for key, value in one.items() if key != "@type"} for one in status.get("details", [])
    ]
    return Refused({"code": status["code"], "message": status["message"], "details": details})


def call(path, request):
    done = subprocess.run(command() + [path], input=request, capture_output=True, text=True, pass_fds=[PROGRAM])
    if done.returncode == 0:
        return json.loads(done.stdout)
    if done.returncode > REFUSED:
        raise refusal(done.stderr)
    raise SystemExit(done.stderr)


def stream(path, request, answers_max):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command() + [path], text=True, pass_fds=[PROGRAM], **pipes) as running:
        running.stdin.write(request)
        running.stdin.close()
        answers, text = [], ""
        # An answer is printed over many lines; its last is the only one that is a brace alone.
        for line in running.stdout:
            text += line
            if line in ("}\n", "{}\n"):
                answers.append(json.loads(text))
                text = ""
            if len(answers) == answers_max:
                running.kill()
                return answers
        said = running.stderr.read()
    if running.returncode:
        raise refusal(said)
    return answers


serve(call, stream)
