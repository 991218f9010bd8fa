"""Acronyms, addresses, telephone numbers and units spelled out; replacements."""

import re

import pytest
from pipecat_rs.utils.text.transforms import (
    email_to_speech,
    expand_phone_numbers,
    expand_units,
    normalize_acronyms,
    replace_text,
)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Use the API or HTTP endpoint", "Use the A P I or H T T P endpoint"),
        ("NASA's", "N A S A's"),
        ("USB-C and MP3", "U S B-C and MP3"),
        ("iPhone, McDonalds, A", "iPhone, McDonalds, A"),
        ("ÄÖ API2 AP_I", "ÄÖ API2 AP_I"),
        ("", ""),
    ],
)
async def test_acronyms(text: str, spoken: str):
    assert await normalize_acronyms(text, "*") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Contact user@example.com today", "Contact user at example dot com today"),
        (
            "First.Last_x-y+z%1@my-mail.co.uk.",
            "First dot Last underscore x dash y plus z%1 at my dash mail dot co dot uk.",
        ),
        ("a@b@c.de", "a@b at c dot de"),
        ("a@b.com_c@d.org", "a at b dot com underscore c at d dot org"),
        ("a@b a@b.c @x.com user@@x.com ü@x.de", "a@b a@b.c @x.com user@@x.com ü@x.de"),
        ("", ""),
    ],
)
async def test_mail_addresses(text: str, spoken: str):
    assert await email_to_speech(text, "*") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Call 123-456-7890 now", "Call 1 2 3 4 5 6 7 8 9 0 now"),
        ("(123) 456-7890", "1 2 3 4 5 6 7 8 9 0"),
        ("+1 800 555 1234", "1 8 0 0 5 5 5 1 2 3 4"),
        ("1.800.555.1234", "1 8 0 0 5 5 5 1 2 3 4"),
        ("(123)456.7890x", "1 2 3 4 5 6 7 8 9 0x"),
        ("call+18005551234.", "call1 8 0 0 5 5 5 1 2 3 4."),
        ("12345678901234, 123 456 789", "12345678901234, 123 456 789"),
        ("", ""),
    ],
)
async def test_telephone_numbers(text: str, spoken: str):
    assert await expand_phone_numbers(text, "*") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Run 5km at 100kph", "Run 5 kilometers at 100 kilometers per hour"),
        ("Only 1km left", "Only 1 kilometer left"),
        ("1.0 km", "1.0 kilometers"),
        ("1 in 5", "1 in 5"),
        ("1in", "1 inch"),
        ("5m and 5 m people", "5 meters and 5 m people"),
        ("2 GB, 3.5 Ghz", "2 gigabytes, 3.5 gigahertz"),
        ("10lb 3oz", "10 pounds 3 ounces"),
        ("6 FT 2IN", "6 feet 2 inches"),
        ("1.2.5km", "1.2.5 kilometers"),
        ("1\nkg", "1 kilogram"),
        ("5 kmx", "5 kmx"),
        # A letter that is an "i" only where case is ignored.
        ("5m\u0131", "5m\u0131"),
        ("", ""),
    ],
)
async def test_units(text: str, spoken: str):
    assert await expand_units(text, "*") == spoken


async def test_replacements_follow_each_other():
    transform = replace_text([(r"\bDr\.", "Doctor"), ("Doctor (\\w+)", r"Dr \1"), ("!", "")])
    assert await transform("Dr. Who!", "*") == "Dr Who"
    assert await replace_text([])("Dr.", "*") == "Dr."


def test_an_expression_that_is_not_valid_is_found_at_once():
    with pytest.raises(re.error):
        replace_text([("(", "")])


@pytest.mark.parametrize(
    "piece", ["a", "A", "a@", "a.", "a@a.", "@", "1", "1 ", "1.", "1 km", "(123)", "+1", "-"]
)
async def test_long_text_takes_no_more_than_its_length(piece: str):
    # Beginning anew at each letter would take the square of it, which is minutes here.
    text = piece * (200_000 // len(piece)) + "!"
    for transform in (normalize_acronyms, email_to_speech, expand_phone_numbers, expand_units):
        assert (await transform(text, "*")).endswith("!")
