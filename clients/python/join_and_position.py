#!/usr/bin/env python3
"""Puts a person on a waitlist, asks for the position, retries, and reads a refusal.

The generated client must be importable, and grpcio-status be installed:
    clients/python/generate.sh FOLDER && PYTHONPATH=FOLDER python3 join_and_position.py ...

Use a synthetic identity number, never a real person's, outside production.
"""

import argparse
import os
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tiltaksplass.v1 import resources_pb2, waitlist_pb2, waitlist_pb2_grpc

TIMEOUT_SECONDS = 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--addr", default="127.0.0.1:8137", help="HOST:PORT of the service")
    parser.add_argument(
        "--token",
        default=os.environ.get("TILTAKSPLASS_TOKEN"),
        help="access token; better in TILTAKSPLASS_TOKEN, since arguments show in the list of processes",
    )
    parser.add_argument("--county", required=True, help="allocation area, for example NO-16")
    parser.add_argument("--measure", required=True, help="measure type, for example VTA")
    parser.add_argument("--municipality", required=True, help="the entitled municipality's number")
    parser.add_argument("--office", required=True, help="the number of the office that follows up")
    parser.add_argument("--identity", required=True, help="a synthetic identity number, 11 digits")
    args = parser.parse_args()
    if not args.token:
        parser.error("no token: set TILTAKSPLASS_TOKEN or give --token")
    args.addr = args.addr.removeprefix("http://")
    return args


def reason(error: grpc.RpcError) -> str:
    """The reason of a refusal, as error_reason.proto names it."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return ""


def refusal(call, request, caller) -> str:
    """The reason a call is refused with; empty where it is not."""
    try:
        call(request, metadata=caller, timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        return reason(error)
    return ""


def main() -> int:
    args = arguments()
    caller = [("authorization", f"Bearer {args.token}")]
    ledger = resources_pb2.Ledger(county_id=args.county, measure_code=args.measure)
    request = waitlist_pb2.JoinWaitlistRequest(
        # Made once and kept for every retry: it is what makes the join happen once.
        request_id=str(uuid.uuid4()),
        ledger=ledger,
        national_identity_number=args.identity,
        municipality_number=args.municipality,
        following_office_number=args.office,
    )
    with grpc.insecure_channel(args.addr) as channel:
        waitlist = waitlist_pb2_grpc.WaitlistServiceStub(channel)
        # The answer as the bytes that came, so that two answers can be compared as such.
        join = channel.unary_unary(
            "/tiltaksplass.v1.WaitlistService/JoinWaitlist",
            request_serializer=waitlist_pb2.JoinWaitlistRequest.SerializeToString,
            response_deserializer=bytes,
        )
        try:
            first = join(request, metadata=caller, timeout=TIMEOUT_SECONDS)
            joined = waitlist_pb2.JoinWaitlistResponse.FromString(first)
            position = waitlist.GetPosition(
                waitlist_pb2.GetPositionRequest(
                    ledger=ledger,
                    entry_id=joined.entry_id,
                    at_least_seq=joined.revision.seq,
                ),
                metadata=caller,
                timeout=TIMEOUT_SECONDS,
            )
            # What to do when no answer came: the very same request once more.
            again = join(request, metadata=caller, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            print(f"{error.code().name} {reason(error)}: {error.details()}", file=sys.stderr)
            return 1
        # With a new request id it is another join, and the person waits already.
        request.request_id = str(uuid.uuid4())
        refused = refusal(join, request, caller)

    print(f"joined {args.county}/{args.measure} as entry {joined.entry_id}, seq {joined.revision.seq}")
    print(
        f"position in the area {position.position_in_area}, "
        f"in the municipality {position.position_in_municipality}"
    )
    if again != first:
        print("the join sent again was answered differently", file=sys.stderr)
        return 1
    print(f"the join sent again was answered with the same {len(first)} bytes")
    if refused != "PERSON_ALREADY_WAITING":
        print(f"another join of the same person was answered with {refused or 'OK'}", file=sys.stderr)
        return 1
    print(f"another join of the same person was refused: {refused}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
