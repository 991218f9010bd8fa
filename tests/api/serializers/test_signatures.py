"""Proofs that a request is from the provider it names, against the providers' own examples."""

import base64
import hashlib
import hmac
import json
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.serializers.signatures import (
    verify_genesys_signature,
    verify_plivo_signature,
    verify_telnyx_signature,
    verify_twilio_signature,
    verify_vonage_token,
)

# ---- Twilio: the example of its documentation and of its helper libraries

TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWILIO_PARAMS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
TWILIO_SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilios_example() -> None:
    assert verify_twilio_signature("12345", TWILIO_URL, TWILIO_SIGNATURE, TWILIO_PARAMS)


def test_twilios_example_with_a_list() -> None:
    params = {"Sid": "CA123", "SidAccount": "AC123", "Digits": ["5678", "1234", "1234"]}

    assert verify_twilio_signature("12345", TWILIO_URL, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", params)


def test_twilio_may_leave_out_the_port_or_add_it() -> None:
    with_port = TWILIO_URL.replace(".com/", ".com:443/")

    assert verify_twilio_signature("12345", with_port, TWILIO_SIGNATURE, TWILIO_PARAMS)


@pytest.mark.parametrize(
    ("token", "url", "signature", "params"),
    [
        ("12346", TWILIO_URL, TWILIO_SIGNATURE, TWILIO_PARAMS),
        ("12345", TWILIO_URL + "3", TWILIO_SIGNATURE, TWILIO_PARAMS),
        ("12345", TWILIO_URL, TWILIO_SIGNATURE[:-2] + "9=", TWILIO_PARAMS),
        ("12345", TWILIO_URL, "", TWILIO_PARAMS),
        ("12345", TWILIO_URL, TWILIO_SIGNATURE, {**TWILIO_PARAMS, "Digits": "1235"}),
        ("12345", TWILIO_URL, TWILIO_SIGNATURE, None),
    ],
)
def test_another_request_is_not_twilios(
    token: str, url: str, signature: str, params: dict[str, str] | None
) -> None:
    assert not verify_twilio_signature(token, url, signature, params)


def test_a_media_stream_of_twilios() -> None:
    url = "wss://bot.example.com/ws"
    mac = hmac.digest(b"token", url.encode(), "sha1")

    assert verify_twilio_signature("token", url, base64.b64encode(mac).decode())


def test_a_body_is_signed_by_its_hash() -> None:
    body = b'{"property": "value", "boolean": true}'
    # The hash of Twilio's own example.
    digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    url = f"https://bot.example.com/x?bodySHA256={digest}"
    signature = base64.b64encode(hmac.digest(b"token", url.encode(), "sha1")).decode()

    assert verify_twilio_signature("token", url, signature, body=body)
    assert not verify_twilio_signature("token", url, signature, body=body + b" ")
    assert not verify_twilio_signature("token", url, signature)


# ---- Telnyx


def test_telnyx() -> None:
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    payload, timestamp = '{"data": {"event_type": "call.initiated"}}', "1700000000"
    signature = base64.b64encode(private.sign(f"{timestamp}|{payload}".encode())).decode()

    def verify(payload: str = payload, timestamp: str = timestamp, now: float = 1700000010) -> bool:
        return verify_telnyx_signature(public, payload, signature, timestamp, now=now)

    assert verify()
    assert not verify(payload=payload + " ")
    assert not verify(timestamp="1700000001")
    assert not verify(now=1700000301), "it may have been recorded"
    assert not verify(timestamp="9" * 5000)
    assert not verify_telnyx_signature(public, payload, "nonsense", timestamp, now=1700000010)


def test_telnyx_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[telnyx\]"):
        verify_telnyx_signature("", "", "", "1")


# ---- Plivo: its scheme, signed here


def plivo_signature(text: str) -> str:
    return base64.b64encode(hmac.digest(b"token", text.encode(), "sha256")).decode()


@pytest.mark.parametrize(
    ("method", "url", "params", "signed"),
    [
        ("GET", "wss://bot.example.com/ws", None, "wss://bot.example.com/ws.N"),
        ("GET", "https://x.com/a?b=2&a=1", None, "https://x.com/a?a=1&b=2.N"),
        ("GET", "https://x.com/a?b=2", {"a": "1"}, "https://x.com/a?a=1&b=2.N"),
        ("GET", "https://x.com/a?a=2&a=1", None, "https://x.com/a?a=1&a=2.N"),
        ("POST", "https://x.com/a", {"b": "2", "a": ["y", "x"]}, "https://x.com/a?axayb2.N"),
        ("POST", "https://x.com/a?q=0", {"a": "1"}, "https://x.com/a?q=0.a1.N"),
        ("POST", "https://x.com/a?q=0", None, "https://x.com/a?q=0.N"),
    ],
)
def test_plivo(method: str, url: str, params: dict[str, str] | None, signed: str) -> None:
    signature = plivo_signature(signed)

    def verify(signature: str = signature, nonce: str = "N") -> bool:
        return verify_plivo_signature("token", url, signature, nonce, params, method=method)

    assert verify()
    assert verify(f"other, {signature}"), "one for each token of the account"
    assert not verify(nonce="M")
    assert not verify(signature[:-2] + "A=")
    assert not verify("")


# ---- Vonage: tokens signed here


def vonage_token(claims: dict[str, object], *, alg: str = "HS256", secret: bytes = b"s") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    head = ".".join(part(json.dumps(one).encode()) for one in ({"alg": alg}, claims))
    return f"{head}.{part(hmac.digest(secret, head.encode(), 'sha256'))}"


def test_vonage() -> None:
    body = '{"status": "ringing"}'
    claims: dict[str, object] = {
        "iat": 1700000000,
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body.encode()).hexdigest(),
    }

    def verify(token: str, *, now: float = 1700000010, body: str | None = body) -> bool:
        return verify_vonage_token(token, "s", body=body, now=now)

    token = vonage_token(claims)
    assert verify(token)
    assert verify(f"Bearer {token}")
    assert verify(token, body=None)
    assert not verify(token, body="{}")
    assert not verify(token, now=1700000400)
    assert not verify(vonage_token(claims, secret=b"t"))
    assert not verify(vonage_token(claims, alg="none"))
    assert not verify(vonage_token({**claims, "exp": 1700000005}))
    assert not verify(vonage_token({**claims, "nbf": 1700000020}))
    assert not verify(vonage_token({**claims, "iat": None}))
    assert not verify(token.rsplit(".", 1)[0] + ".")


# ---- Genesys: the example of its documentation

GENESYS_KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
GENESYS_SECRET = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
GENESYS_TARGET = "/api/v1/voicebiometrics/ws"
GENESYS_INPUT = (
    'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
    '"audiohook-correlation-id" "x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";'
    'nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430'
)
GENESYS_HEADERS = {
    "Host": "audiohook.example.com",
    "Audiohook-Organization-Id": "d7934305-0972-4844-938e-9060eef73d05",
    "Audiohook-Correlation-Id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "Audiohook-Session-Id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "X-API-KEY": GENESYS_KEY,
    "Signature-Input": GENESYS_INPUT,
    "Signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
}


def genesys(now: float = 1641013203, target: str = GENESYS_TARGET, **headers: str | None) -> bool:
    changed = {**GENESYS_HEADERS, **{k.replace("_", "-"): v for k, v in headers.items()}}
    given = {name: value for name, value in changed.items() if value is not None}
    return verify_genesys_signature(GENESYS_KEY, GENESYS_SECRET, given, target, now=now)


def test_genesyss_example() -> None:
    assert genesys()


def test_another_handshake_is_not_genesyss() -> None:
    assert not genesys(target="/api/v1/other")
    assert not genesys(Host="other.example.com")
    assert not genesys(now=1641013220), "it may have been recorded"
    assert not genesys(Audiohook_Session_Id="30b0e395-84d3-4570-ac13-9a62d8f514c1")
    assert not genesys(Audiohook_Session_Id=None)
    assert not genesys(Signature=None)
    assert not genesys(Signature="sig2=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:")
    assert not genesys(Signature_Input=None)
    assert not genesys(Signature_Input=GENESYS_INPUT.replace('"x-api-key"', ""))
    assert not genesys(Signature_Input=GENESYS_INPUT.replace("sha256", "sha1"))
    assert not genesys(Signature_Input=GENESYS_INPUT.replace("created=1641013200;", ""))


@given(st.text(), st.text(), st.text(), st.text())
def test_strangers_may_send_anything(a: str, b: str, c: str, d: str) -> None:
    assert not verify_twilio_signature("token", a, b, {c: d})
    assert not verify_plivo_signature("token", a, b, c, {d: a})
    assert not verify_vonage_token(f"{a}.{b}.{c}", "secret", body=d)
    assert not verify_telnyx_signature(base64.b64encode(bytes(32)).decode(), a, b, c)
    assert not genesys(Signature=a, Signature_Input=b, target=c)
    assert not genesys(Signature_Input=f"sig1=({a});{b}={c}", Signature=d)
