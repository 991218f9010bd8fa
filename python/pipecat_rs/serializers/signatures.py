"""Whether a request is from who it says: signatures and tokens of telephony providers.

A server that opens calls to anybody pays for anybody's conversations: check what comes with the
provider's webhook, or with the WebSocket's handshake, before a bot is started.

Each function returns whether the proof holds, and raises nothing for what a stranger sends. All
comparisons take the same time wherever the difference is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from pipecat_rs.exceptions import MissingDependencyError

__all__ = [
    "verify_genesys_signature",
    "verify_plivo_signature",
    "verify_telnyx_signature",
    "verify_twilio_signature",
    "verify_vonage_token",
]

Params = Mapping[str, str | Sequence[str]]
"""Fields of a form; one that was sent several times has a list."""

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LONGEST_NONCE = 1024


def verify_twilio_signature(
    auth_token: str,
    url: str,
    signature: str,
    params: Params | None = None,
    *,
    body: bytes | None = None,
) -> bool:
    """Return whether a request is from Twilio, by its header ``X-Twilio-Signature``.

    Args:
        auth_token: The account's auth token.
        url: The whole URL as Twilio calls it: for a media stream it begins with ``wss://``. Behind
            a proxy this is not the URL that the server sees.
        signature: The header's value.
        params: Fields of the request's form; a WebSocket's handshake has none.
        body: The request's body, if it is no form. The URL then has its hash.
    """
    if not _body_is_signed(url, body):
        return False
    fields = "".join(
        name + value for name in sorted(params or {}) for value in _values((params or {})[name])
    )
    # Twilio signs with the port in the URL, or without it, depending on the product.
    signed = (
        base64.b64encode(hmac.digest(auth_token.encode(), _bytes(each + fields), "sha1"))
        for each in _with_and_without_port(url)
    )
    return _any_equal(signature, signed)


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else sorted(set(value))


def _body_is_signed(url: str, body: bytes | None) -> bool:
    parts = _split(url)
    hashes = parse_qs(parts.query).get("bodySHA256", []) if parts is not None else []
    if not hashes:
        return body is None
    return body is not None and _any_equal(hashes[0], [hashlib.sha256(body).hexdigest().encode()])


def _with_and_without_port(url: str) -> list[str]:
    parts = _split(url)
    if parts is None:
        return [url]
    port = parts.port
    host = parts.netloc.rsplit(":", 1)[0] if port is not None else parts.netloc
    default = _DEFAULT_PORTS.get(parts.scheme)
    others = [host] if port is not None else [f"{host}:{default}"] if default else []
    scheme, rest = url.split("//", 1)[0], url.split("//", 1)[-1]
    tail = rest[len(parts.netloc) :]
    return [url, *(f"{scheme}//{netloc}{tail}" for netloc in others)]


def verify_telnyx_signature(
    public_key: str,
    payload: str | bytes,
    signature: str,
    timestamp: str,
    *,
    tolerance_secs: float = 300.0,
    now: float | None = None,
) -> bool:
    """Return whether a webhook is from Telnyx.

    Args:
        public_key: The account's public key, in base64.
        payload: The request's body.
        signature: The header ``telnyx-signature-ed25519``.
        timestamp: The header ``telnyx-timestamp``, in seconds since 1970.
        tolerance_secs: How old the request may be, in seconds, so that it cannot be sent again.
        now: The time, in seconds since 1970; the clock's by default.

    Raises:
        MissingDependencyError: If the package ``cryptography`` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise MissingDependencyError.of(
            "cryptography", needed_by="verify_telnyx_signature", extra="telnyx"
        ) from error
    if not _is_recent(timestamp, tolerance_secs, now):
        return False
    body = _bytes(payload) if isinstance(payload, str) else payload
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature), _bytes(timestamp) + b"|" + body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_recent(timestamp: str, tolerance_secs: float, now: float | None) -> bool:
    if not re.fullmatch(r"[0-9]{1,15}", timestamp):
        return False
    return abs((time.time() if now is None else now) - int(timestamp)) <= tolerance_secs


def verify_plivo_signature(
    auth_token: str,
    url: str,
    signature: str,
    nonce: str,
    params: Params | None = None,
    *,
    method: str = "GET",
) -> bool:
    """Return whether a request is from Plivo, by its V3 signature.

    Args:
        auth_token: The account's auth token.
        url: The whole URL as Plivo calls it.
        signature: The header ``X-Plivo-Signature-V3``; several signatures with commas between.
        nonce: The header ``X-Plivo-Signature-V3-Nonce``.
        params: Fields of the request's form; a WebSocket's handshake has none.
        method: The request's method. A WebSocket's handshake is a GET.
    """
    parts = _split(url)
    if parts is None:
        return False
    query: dict[str, str | Sequence[str]] = {**parse_qs(parts.query, keep_blank_values=True)}
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    posted = ""
    if method.upper() == "GET":
        query = {**(params or {}), **query}
    elif params:
        posted = "".join(
            f"{name}{value}" for name in sorted(params) for value in _sorted_values(params[name])
        )
    asked = "&".join(
        f"{name}={value}" for name in sorted(query) for value in _sorted_values(query[name])
    )
    if asked or posted:
        base += "?" + asked
    if asked and posted:
        base += "."
    said = _bytes(f"{base}{posted}.{nonce}")
    expected = base64.b64encode(hmac.digest(auth_token.encode(), said, "sha256"))
    return sum(_any_equal(one.strip(), [expected]) for one in signature.split(",")) > 0


def _sorted_values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else sorted(value)


def verify_vonage_token(
    token: str,
    signature_secret: str,
    *,
    body: str | bytes | None = None,
    tolerance_secs: float = 300.0,
    now: float | None = None,
) -> bool:
    """Return whether a request is from Vonage, by its signed token.

    Args:
        token: The token of the header ``Authorization``, with or without ``Bearer``.
        signature_secret: The account's signature secret.
        body: The request's body; its hash must be in the token.
        tolerance_secs: How old the token may be, in seconds.
        now: The time, in seconds since 1970; the clock's by default.
    """
    parts = token.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return False
    signed = f"{parts[0]}.{parts[1]}".encode("ascii", "replace")
    expected = hmac.digest(signature_secret.encode(), signed, "sha256")
    found = _base64url(parts[2])
    # The token's own word on its algorithm is checked, never followed.
    if found is None or not hmac.compare_digest(found, expected):
        return False
    header, claims = _json_object(parts[0]), _json_object(parts[1])
    if header.get("alg") != "HS256":
        return False
    time_now = time.time() if now is None else now
    issued, expires, not_before = claims.get("iat"), claims.get("exp"), claims.get("nbf")
    if not (isinstance(issued, int | float) and abs(time_now - issued) <= tolerance_secs):
        return False
    if expires is not None and not (isinstance(expires, int | float) and time_now < expires):
        return False
    if not_before is not None and not (
        isinstance(not_before, int | float) and time_now >= not_before
    ):
        return False
    if body is None:
        return True
    content = _bytes(body) if isinstance(body, str) else body
    return _any_equal(
        str(claims.get("payload_hash", "")), [hashlib.sha256(content).hexdigest().encode()]
    )


def _base64url(text: str) -> bytes | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_base64url(text) or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_GENESYS_SIGNED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
_SIGNATURE_INPUT = re.compile(
    r'\s*(?P<label>[a-z*][a-z0-9_.*-]*)=(?P<params>\((?P<parts>(?:"[^"\\\x00-\x1f]*"| )*)\)'
    r'(?P<rest>(?:;[a-z*][a-z0-9_.*-]*=(?:"[^"\\]*"|\d{1,15}))*))\s*'
)
_PARAMETER = re.compile(r';([a-z*][a-z0-9_.*-]*)=(?:"([^"\\]*)"|(\d{1,15}))')


def verify_genesys_signature(
    api_key: str,
    client_secret: str,
    headers: Mapping[str, str],
    request_target: str,
    *,
    tolerance_secs: float = 10.0,
    now: float | None = None,
) -> bool:
    """Return whether a WebSocket's handshake is from Genesys Cloud, by its HTTP signature.

    Args:
        api_key: The integration's API key.
        client_secret: Its client secret, in base64.
        headers: The handshake's headers.
        request_target: Path and query as they were requested.
        tolerance_secs: How old the signature may be, in seconds.
        now: The time, in seconds since 1970; the clock's by default.

    Raises:
        ValueError: If the client secret is no base64.
    """
    secret = base64.b64decode(client_secret, validate=True)
    found = {name.lower(): value for name, value in headers.items()}
    if not _any_equal(found.get("x-api-key", ""), [api_key.encode()]):
        return False
    told = _SIGNATURE_INPUT.fullmatch(found.get("signature-input", ""))
    if told is None:
        return False
    parts = re.findall(r'"([^"]*)"', told["parts"])
    if not set(_GENESYS_SIGNED) <= set(parts) or len(set(parts)) != len(parts):
        return False
    said: dict[str, str] = {}
    for name, text, number in _PARAMETER.findall(told["rest"]):
        said[name] = text or number
    if not _is_in_time(said, tolerance_secs, time.time() if now is None else now):
        return False
    if said.get("alg", "hmac-sha256") != "hmac-sha256" or said.get("keyid", api_key) != api_key:
        return False
    derived = {"@request-target": request_target, "@authority": found.get("host", "")}
    lines: list[str] = []
    for part in parts:
        value = derived.get(part) if part.startswith("@") else found.get(part)
        if value is None:
            return False
        lines.append(f'"{part}": {value.strip()}')
    base = "\n".join([*lines, f'"@signature-params": {told["params"]}'])
    signature = re.fullmatch(
        rf"\s*{re.escape(told['label'])}=:([A-Za-z0-9+/]*=*):\s*", found.get("signature", "")
    )
    if signature is None:
        return False
    expected = base64.b64encode(hmac.digest(secret, _bytes(base), "sha256"))
    return _any_equal(signature[1], [expected])


def _is_in_time(said: Mapping[str, str], tolerance_secs: float, now: float) -> bool:
    created, expires = said.get("created", ""), said.get("expires", "")
    if not created.isdigit() or abs(now - int(created)) > tolerance_secs:
        return False
    if not 0 < len(said.get("nonce", "")) <= _LONGEST_NONCE:
        return False
    return not expires or (expires.isdigit() and now < int(expires))


def _any_equal(given: str, expected: Any) -> bool:
    """Whether a text is one of several, in a time that does not tell which, or how far it is."""
    text = _bytes(given)
    return sum(hmac.compare_digest(text, one) for one in expected) > 0


def _bytes(text: str) -> bytes:
    """A text in UTF-8, whatever a stranger has put into it."""
    return text.encode("utf-8", "backslashreplace")


def _split(url: str) -> SplitResult | None:
    """The parts of a URL, if it is one."""
    try:
        parts = urlsplit(url)
        _checked = parts.port
    except ValueError:
        return None
    return parts
