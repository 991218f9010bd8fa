"""Credentials do not reach logs."""

import pytest
from pipecat_rs.utils.security.redaction import redact_secrets

CASES = {
    "api_key=abc123, x=1": "api_key=[REDACTED], x=1",
    "{'Authorization': 'Bearer abc', 'n': 1}": "{'Authorization': '[REDACTED]', 'n': 1}",
    '"x-api-key": "k"': '"x-api-key": "[REDACTED]"',
    "apiKey=zzz": "apiKey=[REDACTED]",
    "https://user:pw@host/path": "https://user:[REDACTED]@host/path",
    "https://host/x?token=abc&y=1": "https://host/x?token=[REDACTED]&y=1",
    "url: https://x?X-Amz-Signature=aa&b=2": "url: https://x?X-Amz-Signature=[REDACTED]&b=2",
    "got sk-" + "a" * 30: "got [REDACTED]",
    "api_key: token: abc": "api_key: token: [REDACTED]",
    "error: Authorization: Bearer x y": "error: Authorization: Bearer [REDACTED] y",
    "token='cut short": "token='[REDACTED] short",
    "-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY----- x": "[REDACTED] x",
}


@pytest.mark.parametrize(("text", "masked"), CASES.items())
def test_masks_the_credential_and_nothing_else(text: str, masked: str):
    assert redact_secrets(text) == masked
    assert redact_secrets(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'token'",
        "jwt.exceptions.InvalidTokenError: bad",
        "max_tokens: 5 keyterms=9",
        "nothing to see",
        "",
    ],
)
def test_leaves_harmless_text_alone(text: str):
    assert redact_secrets(text) == text
