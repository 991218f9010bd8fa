"""The words between a frontend and its backend: what each model is told, and how they read it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from pipecat_rs.processors.aggregators.llm_context import (
    LLMContextMessage,
    LLMSpecificMessage,
    standard_message_text,
)

_logger = logging.getLogger(__name__)

SPOKEN_MARK = ">>"
"""What the backend's model begins a text with that the user should be told."""

_MARKED_LINE = re.compile(rf"^[ \t]*{re.escape(SPOKEN_MARK)}[ \t]*", re.MULTILINE)

BACKEND_PAIRING_INSTRUCTION = f"""\
You work behind a voice assistant. It alone talks with the user, and passes on to you what takes \
tools or careful thought: either the conversation as it stands, or a request in its words. Do \
that part. Small talk, jokes and whatever needs neither is the assistant's own; leave it alone.

Who hears you: a message of yours that starts with {SPOKEN_MARK} is told to the user, all of it. \
Without that mark it stays a note for the assistant, used only if the user asks how you are \
getting on. So mark each result, each question you are stuck without, and news that cannot wait; \
an unmarked result reaches nobody. Mark a thing once. Do not mark that you stopped, or that there \
is nothing to do, since the user knows. Write marked messages the way people talk: whole \
sentences, without headings, lists, formatting or data formats.

New requests come in while you still work. Take the newest word as valid: it may add to your \
work, alter it or call some of it off. Cancel tools that nobody needs any more, and do not do \
again what is done. Serve the newest request first unless it needs an older one, and report on \
each as soon as you can."""
"""What the backend's model is told of the assistant, besides its own instruction."""

_REPORT = (
    "report what came of it in a message that starts with "
    f"{SPOKEN_MARK}, at once and ahead of other work. If all it does is stop or alter something, "
    "report nothing: the user has been told."
)

TRANSCRIPT_REQUEST_INSTRUCTION = (
    f"See to what the user asked for last in this conversation. If it wants a result, {_REPORT}"
)
"""What the backend's model is told below a conversation that it gets."""

EXPLICIT_REQUEST_INSTRUCTION = f"If this wants a result, {_REPORT}"
"""What the backend's model is told below a request in the frontend's words."""


def split_spoken(text: str) -> tuple[str, str]:
    """Split what the backend's model wrote into a note and what the user should be told.

    The mark counts at the beginning of any line: models often write a note first.

    Args:
        text: The text.

    Returns:
        The two parts; either may be empty. Further marks are taken out.
    """
    mark = _MARKED_LINE.search(text)
    if mark is None:
        return text.strip(), ""
    return text[: mark.start()].strip(), _MARKED_LINE.sub("", text[mark.end() :]).strip()


def explicit_request(request: str, *, instruction: str = EXPLICIT_REQUEST_INSTRUCTION) -> str:
    """Return a request in the frontend's words, as the backend gets it.

    Args:
        request: The request.
        instruction: What stands below it.
    """
    return f"{request}\n\n{instruction}"


def transcript_request(
    conversation: Sequence[LLMContextMessage],
    *,
    instruction: str = TRANSCRIPT_REQUEST_INSTRUCTION,
    first: bool = True,
) -> str:
    """Return a conversation as one text for the backend.

    One text, not messages: in the backend's own conversation, the assistant is the backend. Only
    what the user and the assistant said is in it.

    Args:
        conversation: The conversation, or what is new in it.
        instruction: What stands below it.
        first: Whether it is the conversation from its beginning.
    """
    lines = []
    for message in conversation:
        role = None if isinstance(message, LLMSpecificMessage) else message.get("role")
        text = standard_message_text(message)
        if role in ("user", "assistant") and text:
            lines.append(f"{role.upper()}: {text}")
        else:
            _logger.debug("a message of %s is not handed to the backend", role)
    if not lines:
        return instruction
    since = "so far" if first else "since you were last asked"
    return "\n".join([f"The conversation {since}:", *lines, "", instruction])
