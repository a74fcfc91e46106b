"""Python's gRPC, which knows nothing but reflection: over the local socket, or over TLS with a certificate."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

import grpc
from client import Reflection, details
from google.protobuf import json_format, message_factory
from lines import Refused, serve

CALL_S_MAX = 60



def read(name):
    with open(os.environ[name], "rb") as file:
        return file.read()


def channel():
    if "YIBAO_CA" not in os.environ:
        return grpc.insecure_channel(f"unix:{os.environ['YIBAO_SOCKET']}")
    shown = grpc.ssl_channel_credentials(read("YIBAO_CA"), read("YIBAO_KEY"), read("YIBAO_CERTIFICATE"))
    return grpc.secure_channel(os.environ["YIBAO_URL"].removeprefix("https://"), shown)


CHANNEL = channel()
POOLS = {}


def refusal(error):
    told = {"code": error.code().name.lower(), "message": error.details(), "details": []}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            told["details"] = details(value)
    return Refused(told)


def asked(path, request):
    """The method's stub and its message."""
    service, _, name = path.partition("/")
    if service not in POOLS:
        POOLS[service] = Reflection(CHANNEL, alpha=False).pool(service)
    method = POOLS[service].FindServiceByName(service).methods_by_name[name]
    message = json_format.Parse(request, message_factory.GetMessageClass(method.input_type)())
    make = CHANNEL.unary_stream if method.server_streaming else CHANNEL.unary_unary
    stub = make(
        f"/{path}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    return stub(message, timeout=CALL_S_MAX)


def call(path, request):
    try:
        return json_format.MessageToDict(asked(path, request))
    except grpc.RpcError as error:
        raise refusal(error) from error


def stream(path, request, answers_max):
    answers = []
    try:
        answering = asked(path, request)
        for answer in answering:
            answers.append(json_format.MessageToDict(answer))
            if len(answers) == answers_max:
                answering.cancel()
                break
    except grpc.RpcError as error:
        raise refusal(error) from error
    return answers


serve(call, stream)
