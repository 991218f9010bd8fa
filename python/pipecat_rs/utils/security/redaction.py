"""Masking credentials in text that goes into logs and error reports.

Error messages quote headers, signed addresses and rejected keys. `redact_secrets` masks three
things and leaves the rest as it was, so that the message still says what happened:

- the value behind a name that speaks of a credential (``api_key=…``, ``Authorization: …``,
  ``"x-api-key": "…"``);
- the password in an address (``scheme://user:password@host``);
- what is known for a credential by its own form, such as the keys of the large providers, JSON
  web tokens and private keys in PEM form.
"""

from __future__ import annotations

import re

REDACTED = "[REDACTED]"

_SECRET_WORDS = frozenset(
    {
        "apikey",
        "auth",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "creds",
        "jwt",
        "key",
        "passwd",
        "password",
        "pwd",
        "secret",
        "sig",
        "signature",
        "token",
        "uploadid",
    }
)

_PEM_KEY = re.compile(
    r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]*?-----END[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
)
_KNOWN_FORMS = re.compile(
    r"\b(?:sk-[\w-]{20,}"  # OpenAI, Anthropic
    r"|(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}"  # AWS
    r"|AIza[\w-]{35}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{82,}"  # GitHub
    r"|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}"  # Slack
    r"|hf_[A-Za-z]{34}|pplx-[A-Za-z0-9]{48}"  # Hugging Face, Perplexity
    r"|SK[0-9a-fA-F]{32}"  # Twilio
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"  # JSON web token
)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s/@]+(?=@)", re.IGNORECASE)

_NAME = re.compile(
    r"""(?<![\w.-])(?P<quote>["']?)(?P<name>[A-Za-z][\w.-]*)(?P=quote)"""
    r"""(?P<sep>\s*(?::=|=>|[:=])\s*)"""
    r"""(?P<scheme>(?:Bearer|Basic|Token|Api-Token|Key|Digest|AWS4-HMAC-SHA256)\s+)?"""
)
_VALUE = re.compile(r"""(?P<open>["']).*?(?P=open)|["']?(?:\[REDACTED\]|[^\s,;&"'{}\[\]])+""")
_EXCEPTION_NAME = re.compile(r"(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Warning)")
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def redact_secrets(text: str) -> str:
    """Return the text with each credential in it replaced by ``[REDACTED]``."""
    # Keys in PEM form span lines: a line masked as a value would hide the form of the rest.
    text = _PEM_KEY.sub(REDACTED, text)
    text = _KNOWN_FORMS.sub(REDACTED, text)
    text = _redact_named_values(text)
    return _URL_PASSWORD.sub(rf"\g<1>{REDACTED}", text)


def _redact_named_values(text: str) -> str:
    out: list[str] = []
    at = 0
    while pair := _NAME.search(text, at):
        value = _VALUE.match(text, pair.end()) if _is_secret(pair) else None
        inner = _NAME.match(text, pair.end()) if value else None
        if value is None or (inner and _is_secret(inner)):
            # The value of a harmless name is read on as text, for the pairs inside it; and what
            # follows a secret's name may be the real name, as in "key: token: abc".
            out.append(text[at : pair.end()])
            at = pair.end()
            continue
        quote = value[0][0] if value[0][0] in "\"'" else ""
        closing = quote if value["open"] else ""
        out.append(f"{text[at : pair.end()]}{quote}{REDACTED}{closing}")
        at = value.end()
    out.append(text[at:])
    return "".join(out)


def _is_secret(pair: re.Match[str]) -> bool:
    name = pair["name"]
    if not pair["quote"] and pair["sep"].strip() == ":" and _EXCEPTION_NAME.fullmatch(name):
        return False  # "KeyError: ..." explains a failure
    words = [word for word in re.split(r"[-_.]", _CAMEL_HUMP.sub("_", name).lower()) if word]
    return "".join(words) in _SECRET_WORDS or any(word in _SECRET_WORDS for word in words)
