"""The transforms as one."""

import pipecat_rs.utils.text.transforms as transforms
import pytest
from pipecat_rs.utils.text.transforms import VoiceFormatter

WRITTEN = (
    "**Pay** $5.50 by 2024-05-10 to A.B@X.com or (123) 456-7890: 50% of 3MB via [API](http://x.y)"
)
SPOKEN = (
    "Pay five dollars and fifty cents by May 10th, two thousand and twenty-four to A dot B at X"
    " dot com or 1 2 3 4 5 6 7 8 9 0: fifty percent of 3 megabytes via A P I"
)
NOTHING = {
    "strip_markdown": False,
    "expand_phone_numbers": False,
    "normalize_acronyms": False,
    "expand_currency": False,
    "expand_percentages": False,
    "expand_units": False,
    "email_to_speech": False,
    "normalize_dates": False,
}


async def test_what_it_does_by_default():
    formatter = VoiceFormatter()
    assert await formatter(WRITTEN, "*") == SPOKEN
    assert await formatter("HTTP 42", "*") == "H T T P 42"
    assert await formatter("", "*") == ""


async def test_each_part_can_be_left_out():
    assert await VoiceFormatter(**NOTHING)(WRITTEN, "*") == WRITTEN


@pytest.mark.parametrize(
    ("option", "text", "spoken"),
    [
        ("strip_markdown", "**a** $5", "a $5"),
        ("expand_phone_numbers", "**123-456-7890**", "**1 2 3 4 5 6 7 8 9 0**"),
        ("normalize_acronyms", "**API**", "**A P I**"),
        ("expand_currency", "**$5**", "**five dollars**"),
        ("expand_percentages", "**5%**", "**five percent**"),
        ("expand_units", "**5km**", "**5 kilometers**"),
        ("email_to_speech", "**a@b.de**", "**a at b dot de**"),
        ("normalize_dates", "**2024-05-10**", "**May 10th, two thousand and twenty-four**"),
        ("expand_numbers", "**3000**", "**three thousand**"),
    ],
)
async def test_each_part_alone(option: str, text: str, spoken: str):
    assert await VoiceFormatter(**{**NOTHING, option: True})(text, "*") == spoken


async def test_numbers_and_replacements_come_last():
    formatter = VoiceFormatter(
        expand_numbers=True,
        number_digit_cutoff=100,
        custom_replacements=[(r"\bDr\.", "Doctor"), ("forty", "four ty")],
    )
    assert await formatter("Dr. 42 and 3000", "*") == "Doctor four ty-two and 3 0 0 0"


async def test_addresses_of_links_stay_if_wanted():
    assert await VoiceFormatter(strip_urls=False)("**a** [b](c)", "*") == "a [b](c)"


def test_the_package_has_every_name_it_lists():
    assert all(hasattr(transforms, name) for name in transforms.__all__)
