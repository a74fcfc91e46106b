"""A HIS in Python on the system bus: dbus-fast, asyncio, nothing of ours.

bus_client.py call INTERFACE METHOD TYPED     one method; the answer or the refusal as JSON
bus_client.py pay TYPED                       follows a settlement, confirms what is shown, pays
bus_client.py preview TYPED                   a picture as a file, a file instead of bytes
bus_client.py leave TYPED                     begins to pay, says so, waits to be killed
bus_client.py claim-read TYPED                claims a card reader, says so, reads the next card under the claim

TYPED is [signature, value] with a{sv} as {key: TYPED}.
"""

import asyncio
import fcntl
import json
import os
import sys

# The libraries may lie where only root can read: this user is taken once they are loaded.
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

if "YIBAO_AS" in os.environ:
    user, *groups = (int(number) for number in os.environ["YIBAO_AS"].split(","))
    os.setgroups(groups)
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)

NAME = "org.yibaod.Bridge1"
PATH = "/org/yibaod/Bridge1"
SETTLEMENT = NAME + ".Settlement"
PRINT = NAME + ".Print"
DEVICE = NAME + ".Device"
F_GET_SEALS = 1034


def untyped(signature, value):
    """A value as dbus-fast takes it: every value of an a{sv} is a Variant."""
    if signature == "a{sv}":
        return {key: Variant(one[0], untyped(*one)) for key, one in value.items()}
    if signature == "aa{sv}":
        return [untyped("a{sv}", one) for one in value]
    if signature == "ay":
        return bytes(value)
    return value


def plain(value):
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


async def ask(bus, interface, method, request, fds=()):
    reply = await bus.call(
        Message(
            destination=NAME,
            path=PATH,
            interface=interface,
            member=method,
            signature="a{sv}",
            body=[request],
            unix_fds=list(fds),
        )
    )
    if reply.message_type is MessageType.ERROR:
        refused = {"error": reply.error_name, "text": reply.body[0]}
        return refused | {"details": plain(one) for one in reply.body[1:]}, []
    return plain(reply.body[0]), reply.unix_fds


async def pay(bus, request):
    events = asyncio.Queue()

    def heard(message):
        if message.message_type is MessageType.SIGNAL and message.interface == SETTLEMENT:
            events.put_nowait(message)

    bus.add_message_handler(heard)
    request_id = {"request_id": request["request_id"], "subscription": Variant("s", "mine")}
    assert (await ask(bus, SETTLEMENT, "WatchSettlement", request_id))[0] == "mine"
    paying = asyncio.create_task(ask(bus, SETTLEMENT, "ScanAndPay", request))
    stages, ended = [], []
    while not ended:
        message = await events.get()
        assert message.body[0] == "mine", message.body
        if message.member == "Ended":
            ended.append(message.body[1])
            continue
        event = plain(message.body[1])["event"]
        stages.append(event["stage"])
        if event["stage"] == "STAGE_WAITING_AMOUNTS":
            confirm = {
                "request_id": request["request_id"],
                "point": Variant("s", "CONFIRM_POINT_AMOUNTS"),
                "shown": Variant("s", event["amounts"]["shown"]),
            }
            confirmed, _ = await ask(bus, SETTLEMENT, "ConfirmSettlement", confirm)
            assert "error" not in confirmed, confirmed
    answer, _ = await paying
    return {"answer": answer, "stages": stages, "ended": ended}


async def preview(bus):
    text = {"text": Variant("a{sv}", {"text": Variant("s", "中文 preview")})}
    document = {"blocks": Variant("aa{sv}", [text])}
    answer, fds = await ask(bus, PRINT, "Preview", {"document": Variant("a{sv}", document)})
    assert "error" not in answer, answer
    fd = fds[answer["png"]]
    magic = os.read(fd, 8).hex()
    sealed = fcntl.fcntl(fd, F_GET_SEALS) & 0xF == 0xF

    async def put(fd, upload_id):
        request = {"upload_id": Variant("s", upload_id), "data": Variant("h", 0)}
        request["error_details"] = Variant("b", True)
        return (await ask(bus, PRINT, "PutDocument", request, [fd]))[0]

    memory = os.memfd_create("document")
    os.write(memory, b"%PDF")
    reader, _ = os.pipe()
    return {
        "magic": magic,
        "sealed": sealed,
        "put": await put(memory, "upload-1"),
        "pipe": await put(reader, "upload-2"),
    }


async def claim_read(bus, wish):
    news = asyncio.Queue()

    def heard(message):
        if message.message_type is MessageType.SIGNAL and message.interface == DEVICE:
            news.put_nowait(message)

    bus.add_message_handler(heard)
    subscription, _ = await ask(bus, DEVICE, "Claim", wish | {"subscription": Variant("s", "mine")})
    assert subscription == "mine", subscription
    granted = None
    while granted is None:
        message = await news.get()
        assert message.member == "Progress" and message.body[0] == "mine", (message.member, message.body)
        granted = plain(message.body[1]).get("granted")
    print(json.dumps(granted), flush=True)
    under = {"claim_id": Variant("s", granted["claim_id"]), "error_details": Variant("b", True)}
    card, _ = await ask(bus, DEVICE, "ReadCard", under)
    return card


async def main(what, words):
    bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
    request = untyped(*json.loads(words[-1])) if words[-1] != "{}" else {}
    if what == "call":
        told, _ = await ask(bus, words[0], words[1], request)
    elif what == "pay":
        told = await pay(bus, request)
    elif what == "preview":
        told = await preview(bus)
    elif what == "claim-read":
        told = await claim_read(bus, request)
    elif what == "leave":
        asyncio.create_task(ask(bus, SETTLEMENT, "ScanAndPay", request))
        await asyncio.sleep(3600)
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
