"""A HIS written in another language: Python's gRPC, and no proto file of ours.

It asks the daemon's reflection (v1, or v1alpha with --alpha) for the methods and messages, makes one call, and prints
the answer as canonical JSON: proto JSON with sorted keys, so that answers of different clients can be compared.

    client.py SOCKET yibao.v1.SettlementService/ScanAndPay < request.json

A streaming answer is printed one message a line. A refused call prints its status and its google.rpc.ErrorInfo as
JSON on standard output, and ends with 1; a fault of the client itself ends with 2.
"""

import argparse
import base64
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

# One call may wait for a patient; one answer may hold the platform's own words.
TIMEOUT_S_MAX = 170
MESSAGE_BYTES_MAX = 32 * 1024 * 1024
# More files than any service of ours needs: a circle of imports ends here.
FILES_MAX = 200

REFLECTION_V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


class Reflection:
    """The daemon's own description of itself, as a pool of descriptors."""

    def __init__(self, channel: grpc.Channel, alpha: bool) -> None:
        if alpha:
            self._ask = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        else:
            # v1 differs from v1alpha in its name only.
            self._ask = channel.stream_stream(
                REFLECTION_V1,
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
            )
        self._files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def _fetch(self, request: reflection_pb2.ServerReflectionRequest) -> list[str]:
        """Takes the files of one answer, and gives their names."""
        for answer in self._ask(iter([request]), timeout=10):
            if answer.HasField("error_response"):
                raise LookupError(answer.error_response.error_message)
            names = []
            for raw in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(raw)
                self._files[file.name] = file
                names.append(file.name)
            return names
        raise LookupError("reflection gave no answer")

    def pool(self, symbol: str) -> descriptor_pool.DescriptorPool:
        """A pool with the file of a symbol and all that it imports."""
        wanted = self._fetch(reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
        order: list[str] = []
        while wanted and len(order) < FILES_MAX:
            name = wanted.pop()
            if name in order:
                order.remove(name)
            order.append(name)
            if name not in self._files:
                self._fetch(reflection_pb2.ServerReflectionRequest(file_by_filename=name))
            wanted.extend(self._files[name].dependency)
        pool = descriptor_pool.DescriptorPool()
        for name in reversed(order):
            pool.Add(self._files[name])
        return pool


def canonical(message) -> str:
    """Proto JSON, keys sorted, on one line."""
    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False, sort_keys=True)


def refusal(error: grpc.RpcError) -> str:
    """Status and ErrorInfo of a refused call, as JSON. ErrorInfo stands in the trailer `grpc-status-details-bin`."""
    told = {"code": error.code().name, "message": error.details()}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            told["details"] = details(value)
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def details(status: bytes) -> list[dict]:
    """The ErrorInfo entries of a google.rpc.Status, read by hand-made descriptors: two small, frozen messages."""
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    text = descriptor_pb2.FieldDescriptorProto
    any_message = file.message_type.add(name="Any")
    any_message.field.add(name="type_url", number=1, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)
    any_message.field.add(name="value", number=2, type=text.TYPE_BYTES, label=text.LABEL_OPTIONAL)
    whole = file.message_type.add(name="Status")
    whole.field.add(name="code", number=1, type=text.TYPE_INT32, label=text.LABEL_OPTIONAL)
    whole.field.add(name="message", number=2, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)
    whole.field.add(
        name="details", number=3, type=text.TYPE_MESSAGE, label=text.LABEL_REPEATED, type_name=".google.rpc.Any"
    )
    info = file.message_type.add(name="ErrorInfo")
    info.field.add(name="reason", number=1, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)
    info.field.add(name="domain", number=2, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)
    info.field.add(
        name="metadata",
        number=3,
        type=text.TYPE_MESSAGE,
        label=text.LABEL_REPEATED,
        type_name=".google.rpc.ErrorInfo.MetadataEntry",
    )
    entry = info.nested_type.add(name="MetadataEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=text.TYPE_STRING, label=text.LABEL_OPTIONAL)

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    status_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))
    info_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.ErrorInfo"))
    found = []
    for packed in status_class.FromString(status).details:
        if packed.type_url.endswith("/google.rpc.ErrorInfo"):
            found.append(json_format.MessageToDict(info_class.FromString(packed.value)))
        else:
            found.append({"type": packed.type_url, "value": base64.b64encode(packed.value).decode()})
    return found


def call(arguments: argparse.Namespace) -> int:
    """Makes the one call; 0 when it was answered, 1 when it was refused."""
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
    service_name, _, method_name = arguments.method.partition("/")
    with grpc.insecure_channel(f"unix:{arguments.socket}", options=options) as channel:
        pool = Reflection(channel, arguments.alpha).pool(service_name)
        method = pool.FindServiceByName(service_name).methods_by_name[method_name]
        request = message_factory.GetMessageClass(method.input_type)()
        # A field that we do not know must not be dropped on the way to the daemon.
        json_format.Parse(sys.stdin.read() or "{}", request)
        answer_class = message_factory.GetMessageClass(method.output_type)
        make = channel.unary_stream if method.server_streaming else channel.unary_unary
        stub = make(
            f"/{arguments.method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer_class.FromString,
        )
        try:
            answered = stub(request, timeout=arguments.timeout_s)
            for answer in answered if method.server_streaming else [answered]:
                print(canonical(answer), flush=True)
        except grpc.RpcError as error:
            print(refusal(error))
            return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("socket", help="path of the daemon's local socket")
    parser.add_argument("method", help="package.Service/Method")
    parser.add_argument("--alpha", action="store_true", help="ask reflection v1alpha, as old tools do")
    parser.add_argument("--timeout-s", type=float, default=TIMEOUT_S_MAX)
    try:
        return call(parser.parse_args())
    except (grpc.RpcError, json_format.ParseError, LookupError, OSError) as error:
        print(f"client.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
