"""Functions that turn written text into text that can be spoken.

Each is awaited with a text and its type, and returns the text to speak. They are given to a service
as ``text_transforms``, one by one or as a `VoiceFormatter`::

    text_transforms=[("*", strip_markdown), ("*", expand_currency)]
"""

from pipecat_rs.utils.text.transforms.acronyms import normalize_acronyms
from pipecat_rs.utils.text.transforms.currency import expand_currency
from pipecat_rs.utils.text.transforms.dates import normalize_dates
from pipecat_rs.utils.text.transforms.email import email_to_speech
from pipecat_rs.utils.text.transforms.numbers import expand_numbers
from pipecat_rs.utils.text.transforms.percentages import expand_percentages
from pipecat_rs.utils.text.transforms.phone import expand_phone_numbers
from pipecat_rs.utils.text.transforms.replacements import replace_text
from pipecat_rs.utils.text.transforms.strip_markdown import StripMarkdown, strip_markdown
from pipecat_rs.utils.text.transforms.text_transform import TextTransform
from pipecat_rs.utils.text.transforms.units import expand_units
from pipecat_rs.utils.text.transforms.voice_formatter import VoiceFormatter

__all__ = [
    "StripMarkdown",
    "TextTransform",
    "VoiceFormatter",
    "email_to_speech",
    "expand_currency",
    "expand_numbers",
    "expand_percentages",
    "expand_phone_numbers",
    "expand_units",
    "normalize_acronyms",
    "normalize_dates",
    "replace_text",
    "strip_markdown",
]
