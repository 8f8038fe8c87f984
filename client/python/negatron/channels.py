# SPDX-License-Identifier: Apache-2.0
"""What a channel needs, and how it is made."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Optional

import grpc

# A full response is about 3 MiB; the rest leaves room for string ids and wide embeddings.
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# Servers drop clients that ping more often than every 5 minutes unless told otherwise.
_KEEPALIVE_MS = 6 * 60 * 1000

# More than the blocks of a usual response. See `_let_malloc_keep`.
_KEPT_BYTES = 8 * 1024 * 1024
# Despite its name in gRPC: how long an attempt to connect may take. It has to hold a TLS handshake,
# with a server that is busy or far away.
_CONNECT_MS = 5_000

_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", 3_000),
)


@dataclasses.dataclass(frozen=True)
class Tls:
    """TLS of a client. Everything is PEM. Can be pickled, with its private key."""

    root_certificates: Optional[bytes] = None  # None: those that gRPC brings.
    certificate_chain: Optional[bytes] = None  # Of the client, with `private_key`: mutual TLS.
    private_key: Optional[bytes] = dataclasses.field(default=None, repr=False)
    server_name: Optional[str] = None  # In the server's certificate; None: the target's host.

    def __post_init__(self) -> None:
        for name in ("root_certificates", "certificate_chain", "private_key"):
            if not isinstance(getattr(self, name), (bytes, type(None))):
                raise TypeError(f"{name}: the bytes of a PEM file are expected")
        if (self.certificate_chain is None) != (self.private_key is None):
            raise ValueError("certificate_chain and private_key: give both or none")


@dataclasses.dataclass(frozen=True)
class ChannelSettings:
    """All that a channel is made of; can be pickled unless `credentials` are given."""

    target: str
    tls: Optional[Tls] = None
    token: Optional[str] = dataclasses.field(default=None, repr=False)
    credentials: Optional[grpc.ChannelCredentials] = None
    options: tuple[tuple[str, Any], ...] = ()  # Win over the defaults.

    def __post_init__(self) -> None:
        if self.tls is not None and self.credentials is not None:
            raise ValueError("tls and credentials: give one of them")
        if self.token is not None and self.tls is None:
            raise ValueError("token: needs tls, or it would travel in clear")

    def make(self) -> grpc.Channel:
        """Makes the channel; it connects with its first call."""
        _let_malloc_keep(_KEPT_BYTES)
        options = {**dict(_OPTIONS), **dict(self.options)}
        credentials = self.credentials
        if self.tls is not None:
            if self.tls.server_name is not None:
                options["grpc.ssl_target_name_override"] = self.tls.server_name
            credentials = grpc.ssl_channel_credentials(
                self.tls.root_certificates, self.tls.private_key, self.tls.certificate_chain
            )
            if self.token is not None:
                credentials = grpc.composite_channel_credentials(
                    credentials, grpc.access_token_call_credentials(self.token)
                )
        if credentials is None:
            return grpc.insecure_channel(self.target, list(options.items()))
        return grpc.secure_channel(self.target, credentials, list(options.items()))


def _let_malloc_keep(size: int) -> None:
    """Makes glibc's malloc keep blocks of up to `size` bytes for the next response.

    It gives free memory back to the kernel when there is more than twice the largest block that was
    ever freed: mallopt(3), M_MMAP_THRESHOLD. Several responses in flight are more, and the page
    faults of fresh blocks were a quarter of what a call of 4096 x 8 cost the client. The process
    keeps up to twice `size` for it. Other allocators take no notice.
    """
    bytes(size)  # Zeros come from the kernel as they are: nothing is written.
