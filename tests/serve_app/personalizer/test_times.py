from __future__ import annotations

import pytest

from serve_app.personalizer.times import clock_span, duration_of, http_date, instant_of, ms_of, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT10M", 600), ("PT5M", 300), ("PT1S", 1), ("P28D", 28 * 86400), ("P1DT2H3M4.5S", 93784.5), ("PT0.5S", 0.5),
        ("P2W", 14 * 86400), ("PT0S", 0),
    ],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "10M", "PT10", "P1M", "P1Y", "-PT1S", "PT1.S", "pt1s", "PT1H2S3M", "P1" + "0" * 400 + "D"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(600, "PT10M"), (0.5, "PT0.5S"), (86400, "P1D"), (5400, "PT1H30M"), (90061, "P1DT1H1M1S")]
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert duration_of(seconds) == text


@pytest.mark.parametrize("seconds", [0, 0.001, 1, 59.999, 60, 3600, 172800, 2592000, 100000.25])
def test_a_written_duration_reads_back(seconds: float) -> None:
    assert seconds_of(duration_of(seconds)) == seconds


def test_a_span_is_written_as_a_clock_shows_it() -> None:
    assert [clock_span(ms) for ms in (300_000, 3_600_000, 86_400_000)] == ["00:05:00", "01:00:00", "1.00:00:00"]


def test_instants_are_read_with_and_without_zone_and_written_in_utc() -> None:
    ms = 1_767_607_200_000
    assert [ms_of(text) for text in ("2026-01-05T10:00:00Z", "2026-01-05T11:00:00+01:00", "2026-01-05 10:00")] == [
        ms
    ] * 3
    assert instant_of(ms) == "2026-01-05T10:00:00Z"
    assert instant_of(ms + 5) == "2026-01-05T10:00:00.005Z"
    assert ms_of("0001-01-01T00:00:00") == 0
    assert instant_of(ms_of("9999-12-31T23:59:59-14:00")) == "9999-12-31T23:59:59Z"
    with pytest.raises(ValueError, match="instant"):
        ms_of("yesterday")


def test_http_dates_speak_english_whatever_the_locale() -> None:
    assert http_date(1_767_607_200_000) == b"Mon, 05 Jan 2026 10:00:00 GMT"
