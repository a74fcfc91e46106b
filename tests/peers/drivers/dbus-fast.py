"""dbus-fast, a Python library for the bus. A request is [signature, value], nested."""

import asyncio
import concurrent.futures.thread
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from lines import calls, say

# The last one: with it the caller's user is taken, who cannot read the libraries.
from bus_client import NAME, PATH, ask, plain, untyped


def refusal(told):
    return {"name": told["error"].rpartition(".")[2], "text": told["text"], "details": told["details"]}


def of(path, request):
    """Interface, method, message."""
    service, method = path.removeprefix("yibao.v1.").split("Service/")
    message = untyped(*json.loads(request)) | {"error_details": Variant("b", True)}
    return f"{NAME}.{service}", method, message


async def call(bus, path, request):
    told, _ = await ask(bus, *of(path, request))
    if "error" in told and "text" in told:
        say("refused", refusal(told))
    else:
        say("answer", told)


async def stream(bus, path, request, answers_max):
    interface, method, message = of(path, request)
    heard = asyncio.Queue()

    def hear(signal):
        if signal.message_type is MessageType.SIGNAL and signal.interface == interface:
            heard.put_nowait(signal)

    bus.add_message_handler(hear)
    subscription, _ = await ask(bus, interface, method, message)
    if isinstance(subscription, dict):
        bus.remove_message_handler(hear)
        say("refused", refusal(subscription))
        return
    answers = []
    while len(answers) < answers_max:
        signal = await heard.get()
        assert signal.body[0] == subscription, signal.body
        if signal.member == "Ended":
            assert signal.body[1] == "", signal.body
            break
        answers.append(plain(signal.body[1]))
    else:
        # The connection stays: what was claimed is given back by a word.
        await leave(bus, interface, subscription)
    bus.remove_message_handler(hear)
    say("answers", answers)


async def leave(bus, interface, subscription):
    told = await bus.call(
        Message(
            destination=NAME,
            path=PATH,
            interface=interface,
            member="StopWatching",
            signature="s",
            body=[subscription],
        )
    )
    # One that ended just then is not there any more.
    assert told.message_type is MessageType.METHOD_RETURN or told.error_name.endswith(".NOT_FOUND"), told.body


async def main():
    bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
    loop = asyncio.get_running_loop()
    asked = calls()
    while one := await loop.run_in_executor(None, next, asked, None):
        answers_max, path, request = one
        if answers_max:
            await stream(bus, path, request, answers_max)
        else:
            await call(bus, path, request)


asyncio.run(main())
