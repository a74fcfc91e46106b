"""The daemon's JSON door: one connection and no process for each call, which take an emulated machine a second."""

import http.client
import json
import socket
import struct

from desk import PATIENCE_S

# Longer than any test.
LEASE_MS = 600_000


class Door(http.client.HTTPConnection):
    """A caller on the daemon's socket."""

    def __init__(self, desk):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = str(desk.socket)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def call(self, method, message):
        """What was answered; an error by its name as `{"error": name}`."""
        self.ask(method, message)
        return self.answer()

    def ask(self, method, message):
        """The first half of a call."""
        self.request("POST", "/yibao.v1." + method, json.dumps(message), {"Content-Type": "application/json"})

    def answer(self):
        answer = self.getresponse()
        told = json.loads(answer.read())
        if answer.status == 200:
            return told
        reasons = [it["debug"]["reason"] for it in told.get("details", []) if "debug" in it]
        return {"error": reasons[0] if reasons else told["code"]}

    def claim(self, role):
        """Holds a device for as long as this door is open; the claim's id."""
        body = json.dumps({"role": role, "purpose": "checks", "leaseMs": LEASE_MS}).encode()
        path = "/yibao.v1.DeviceService/Claim"
        self.request("POST", path, struct.pack(">BI", 0, len(body)) + body, {"Content-Type": "application/connect+json"})
        self.news = self.getresponse()
        while True:
            _, length = struct.unpack(">BI", self.news.read(5))
            told = json.loads(self.news.read(length))
            if "waiting" not in told:
                return told["granted"]["claimId"]
