"""The line protocol that every driver speaks, for those in Python.

A driver is one client of another maker behind standard input and output:

    call PATH REQUEST          one call; PATH is yibao.v1.DaemonService/GetStatus
    stream MAX PATH REQUEST    a call that answers often: until it ends, or until MAX answers have come

REQUEST is proto JSON on one line; for a driver of the bus it is the message in the form that its client takes. It
answers one line:

    answer JSON        what the call answered
    answers [JSON, …]  what a stream answered
    refused JSON       why not, in the client's own words
    cannot             this client has no streams

It ends when its input does. Where the daemon is and who calls stand in the environment: YIBAO_SOCKET, or YIBAO_URL
with YIBAO_TOKEN, or with YIBAO_CA, YIBAO_CERTIFICATE and YIBAO_KEY; YIBAO_AS.
"""

import json
import os
import sys


class Refused(Exception):
    """The daemon says no; the argument is what it says."""


class Cannot(Exception):
    """This client cannot do that."""


def become_caller():
    """Libraries may lie where only root can read: this user is taken once they are loaded."""
    if "YIBAO_AS" in os.environ:
        user, *groups = (int(number) for number in os.environ["YIBAO_AS"].split(","))
        os.setgroups(groups)
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def calls():
    """What is asked: how many answers (0: one call), the path, the request as it was written."""
    for line in sys.stdin:
        verb, rest = line.rstrip("\n").split(" ", 1)
        answers_max = 0
        if verb == "stream":
            number, rest = rest.split(" ", 1)
            answers_max = int(number)
        path, request = rest.split(" ", 1)
        yield answers_max, path, request


def say(verb, told=None):
    # Bytes as numbers, as the bus has them.
    print(verb, json.dumps(told, ensure_ascii=False, default=list), flush=True)


def serve(call, stream):
    """call(path, request) gives an answer, stream(path, request, max) answers."""
    become_caller()
    for answers_max, path, request in calls():
        try:
            if answers_max:
                say("answers", stream(path, request, answers_max))
            else:
                say("answer", call(path, request))
        except Refused as refusal:
            say("refused", refusal.args[0])
        except Cannot:
            say("cannot")
