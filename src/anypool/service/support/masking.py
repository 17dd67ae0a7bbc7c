"""What is taken out of a support bundle: secrets always, names on demand.

Secrets are not looked for in what holds them, because nothing that holds them goes into a
bundle. This is the second lock: words that look like a secret, user info in addresses, and
every password that we know, wherever they may have got into a message.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

HIDDEN = "***"
SHORTEST = 8
"""A shorter password may be an ordinary word; to hide that one would tell it."""

_SECRET_WORDS = r"pass(?:word|wd|phrase)?|secret|token|credential|api[_-]?key|private[_-]?key"
_SECRET_NAME = re.compile(rf"(?i)(?:^|[_.-])(?:{_SECRET_WORDS})s?(?:$|[_.-])")
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s\"'@]*@"), ""),
    (re.compile(r"(?i)(#code=)[^\s\"'&]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\bap_[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9+/._~=-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)\b((?:{_SECRET_WORDS})=)[^\s&\"',;)]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:anypool_session|set-cookie)\s*[=:]\s*)[^\s;,\"']+"), rf"\1{HIDDEN}"),
)
_TOKEN = re.compile(r"[^\W_](?:[\w.:-]*\w)?")
_PARTS = re.compile(r"([._:-]+)")


class Named(Struct, frozen=True, gc=False):
    """Something with a name, and what kind of thing it is: `vm`, `host`, `person`."""

    kind: str
    name: str


class Mask:
    """Takes secrets out of texts, and replaces names by words that tell the kind alone.

    The same name is always the same word, also in another bundle of the same manager:
    the words are made with `key`, and only who has it can find out what they stand for.
    """

    def __init__(
        self, known_secrets: Iterable[str], names: Iterable[Named] = (), key: bytes = b""
    ) -> None:
        found = sorted({one for one in known_secrets if len(one) >= SHORTEST}, key=len)
        self._secrets = tuple(reversed(found))
        self._words = {one.name: _word(one, key) for one in names if one.name}
        odd = [name for name in self._words if not _TOKEN.fullmatch(name)]
        self._odd = sorted(odd, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without secrets, and with other names."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        if not self._words:
            return text
        for name in self._odd:
            text = text.replace(name, self._words[name])
        return _TOKEN.sub(lambda found: self._renamed(found[0]), text)

    def data(self, value: Any) -> Any:
        """Return data as JSON has it, with every text in it masked.

        What is called like a secret is hidden whole; other keys stay.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._field(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(one) for one in value]
        return value

    def _field(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and value and _SECRET_NAME.search(key):
            return HIDDEN
        return self.data(value)

    def _renamed(self, token: str) -> str:
        """Replace a name, or a name within a longer word, such as in `web1-disk0.qcow2`."""
        if (word := self._words.get(token)) is not None:
            return word
        parts = _PARTS.split(token)
        if len(parts) == 1:
            return token
        done, at = [], 0
        while at < len(parts):
            for end in range(len(parts), at, -1):
                if (word := self._words.get("".join(parts[at:end]))) is not None:
                    done.append(word)
                    at = end
                    break
            else:
                done.append(parts[at])
                at += 1
        return "".join(done)


def _word(one: Named, key: bytes) -> str:
    made = hmac.new(key, f"mask {one.kind} {one.name}".encode(), hashlib.sha256).hexdigest()
    return f"{one.kind}-{made[:10]}"
