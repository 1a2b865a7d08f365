"""Bytes in, a typed value out; or the refusal that says where the body is wrong, what stands there, and what should.

The happy path is one call of msgspec. Everything else here runs only when it failed: the message is taken apart, and
the body is decoded again without a type to find the offending value.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec

from serve_app.errors import BadRequestError, RequestError, UnprocessableError, shown

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_NAMED = re.compile(r"(missing required|unknown) field `([^`]*)`")
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[\]]+)")
_TOO_LARGE = {"Number out of range": "send a finite number", "Integer value out of range": "send a smaller number"}
"""What msgspec says of a number that none of ours can hold → the cure."""

_MALFORMED = "send one JSON value, in UTF-8, with numbers instead of NaN or Infinity"


class Reader(Generic[T]):
    """Decodes one shape of body.

    Args:
        shape: The type that the body must have; a struct or a union with one.
    """

    def __init__(self, shape: Any) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)

    def read(self, body: bytes | msgspec.Raw) -> T:
        """The body as the shape.

        Raises:
            BadRequestError: it is no JSON at all, or bad UTF-8, or nested without end.
            UnprocessableError: it is JSON of another shape.
        """
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise explained(error, bytes(body)) from None


def explained(error: Exception, body: bytes) -> RequestError:
    """The refusal that a failed decoding of this body becomes."""
    if isinstance(error, UnicodeDecodeError):
        return BadRequestError(
            f"the body is not UTF-8: {error.reason} (byte {error.start} of a string)", cure=_MALFORMED
        )
    if isinstance(error, RecursionError):
        return BadRequestError("the body is nested too deeply", cure="flatten it; features may nest a few objects deep")
    if not isinstance(error, msgspec.ValidationError):
        return BadRequestError(f"the body is not JSON: {error}", cure=_MALFORMED)
    message, path = _apart(str(error))
    named = _NAMED.search(message)
    if named is None:
        return UnprocessableError(message, field=path.lstrip("."), value=_value_at(body, path), cure=_cure(message))
    field = f"{path}.{named[2]}"
    if named[1] == "unknown":
        value, cure = _value_at(body, field), "remove it, or correct its name; /docs lists the fields"
    else:
        value, cure = "", "add it; /docs shows an example"
    return UnprocessableError(message, field=field.lstrip("."), value=value, cure=cure)


def _apart(text: str) -> tuple[str, str]:
    at = _AT.search(text)
    return (text, "") if at is None else (text[: at.start()], at[1].replace("[...]", ""))


def _cure(message: str) -> str:
    if message in _TOO_LARGE:
        return _TOO_LARGE[message]
    expected = message.partition(", got ")[0].removeprefix("Expected ")
    return f"send {expected}" if expected != message or message.startswith("Expected ") else "see /docs for the shape"


def _value_at(body: bytes, path: str) -> str:
    """The value at a path, shown; "" where it can't be found."""
    try:
        value = msgspec.json.decode(body)
        for index, name in _STEP.findall(path):
            value = value[int(index)] if index else value[name]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return ""
    return shown(value)
