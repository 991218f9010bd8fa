"""The transforms of this package as one."""

from __future__ import annotations

from pipecat_rs.frames.text import TextType
from pipecat_rs.utils.text.transforms import (
    acronyms,
    currency,
    dates,
    email,
    numbers,
    percentages,
    phone,
    replacements,
    units,
)
from pipecat_rs.utils.text.transforms.spoken_number import load_number_words
from pipecat_rs.utils.text.transforms.strip_markdown import StripMarkdown
from pipecat_rs.utils.text.transforms.text_transform import TextTransform

__all__ = ["VoiceFormatter"]


class VoiceFormatter:
    r"""A transform made of others: what is written becomes what is said.

    Markdown goes first, then addresses, numbers and units are spelled out, and the application's
    own replacements come last.
    """

    def __init__(
        self,
        *,
        strip_markdown: bool = True,
        strip_urls: bool = True,
        expand_phone_numbers: bool = True,
        normalize_acronyms: bool = True,
        expand_currency: bool = True,
        expand_numbers: bool = False,
        number_digit_cutoff: int | None = None,
        expand_percentages: bool = True,
        expand_units: bool = True,
        email_to_speech: bool = True,
        normalize_dates: bool = True,
        custom_replacements: list[tuple[str, str]] | None = None,
    ) -> None:
        """Choose the transforms.

        Args:
            strip_markdown: Whether Markdown is taken out.
            strip_urls: Whether that includes the addresses of links.
            expand_phone_numbers: Whether telephone numbers are read digit by digit.
            normalize_acronyms: Whether acronyms are read letter by letter.
            expand_currency: Whether amounts of money are put into words.
            expand_numbers: Whether all numbers are; some are better left to the voice.
            number_digit_cutoff: Numbers above it are read digit by digit; None for none of them.
            expand_percentages: Whether percentages are put into words.
            expand_units: Whether units are spelled out.
            email_to_speech: Whether mail addresses are.
            normalize_dates: Whether dates are.
            custom_replacements: Regular expressions and replacements, for `replace_text`.

        Raises:
            MissingDependencyError: If num2words is needed for this and is not installed.
        """
        if expand_currency or expand_percentages or normalize_dates:
            load_number_words("VoiceFormatter")
        # Addresses before what would take their digits or capitals; units before acronyms, as "MB"
        # is both.
        chosen: list[tuple[bool, TextTransform]] = [
            (strip_markdown, StripMarkdown(strip_urls=strip_urls)),
            (email_to_speech, email.email_to_speech),
            (expand_phone_numbers, phone.expand_phone_numbers),
            (normalize_dates, dates.normalize_dates),
            (expand_currency, currency.expand_currency),
            (expand_percentages, percentages.expand_percentages),
            (expand_units, units.expand_units),
            (normalize_acronyms, acronyms.normalize_acronyms),
        ]
        self._transforms = [transform for wanted, transform in chosen if wanted]
        if expand_numbers:
            self._transforms.append(numbers.expand_numbers(number_digit_cutoff))
        if custom_replacements:
            self._transforms.append(replacements.replace_text(custom_replacements))

    async def __call__(self, text: str, text_type: str | TextType) -> str:
        """Return a text as it is said.

        Args:
            text: The text.
            text_type: Its type, for the transforms.
        """
        for transform in self._transforms:
            text = await transform(text, text_type)
        return text
